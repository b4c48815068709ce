"""What the Makefile calls: fetch Keycloak, write realms and demo places, start the stack, show it."""
