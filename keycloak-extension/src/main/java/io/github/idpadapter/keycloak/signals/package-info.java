/** What the service is told about a request: who, for which client, in which session, from where, and how it was typed. */
package io.github.idpadapter.keycloak.signals;
