/** Tokens: asking before they are made, shaping them after, refusing without burning anything, and the switch for all realms. */
package io.github.idpadapter.keycloak.tokens;
