#!/bin/sh
# Run once, when the volume is empty: a database and a user each for the risk service and for Keycloak.
# Passwords are read by psql from the environment, so that no command line shows them.
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv risk_password RISK_DB_PASSWORD
\getenv keycloak_password KEYCLOAK_DB_PASSWORD
CREATE ROLE idp_adapter LOGIN PASSWORD :'risk_password';
CREATE ROLE keycloak LOGIN PASSWORD :'keycloak_password';
CREATE DATABASE idp_adapter OWNER idp_adapter;
CREATE DATABASE keycloak OWNER keycloak;
REVOKE CONNECT ON DATABASE idp_adapter, keycloak, postgres FROM PUBLIC;
SQL
