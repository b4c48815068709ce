/** Asking the risk service: one client, one verifier, one decision; and what every hook needs to carry it out. */
package io.github.idpadapter.keycloak.decision;
