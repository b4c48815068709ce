/** What happened after decisions, told to the service: the only thing that it learns from. */
package io.github.idpadapter.keycloak.outcomes;
