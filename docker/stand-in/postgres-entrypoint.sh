#!/bin/bash
# As much of the official image's entry point as the compose file uses: initialise an empty folder, then run the server.
set -euo pipefail

initialise() {
  initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
    --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 >/dev/null
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  pg_ctl --wait --silent -o "-c listen_addresses=''" start
  for script in /docker-entrypoint-initdb.d/*.sh; do
    "$script"
  done
  pg_ctl --wait --silent --mode=fast stop
}

if [ "$1" = postgres ]; then
  [ -s "$PGDATA/PG_VERSION" ] || initialise
  set -- "$@" -c listen_addresses='*'
fi
exec "$@"
