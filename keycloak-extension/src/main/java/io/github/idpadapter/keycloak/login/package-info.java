/** The steps of login flows: who is known by cookie, forms that carry telemetry, and the step that asks and enforces. */
package io.github.idpadapter.keycloak.login;
