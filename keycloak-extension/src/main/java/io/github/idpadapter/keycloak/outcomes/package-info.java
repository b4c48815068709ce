/**
 * What Keycloak's events tell. Outcomes go to the service: what happened after decisions, the only thing that it learns from. And a login
 * that passed no risk step drops the decision of an earlier one, so that this does not answer for its tokens.
 */
package io.github.idpadapter.keycloak.outcomes;
