# Stands in for the official Keycloak image where none can be pulled: the same folder, user and entry point.
ARG DEBIAN
FROM ${DEBIAN}
RUN apt-get -qq update \
 && apt-get -qq install -y --no-install-recommends openjdk-17-jre-headless >/dev/null \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 --gid 0 --home-dir /opt/keycloak --no-create-home keycloak
COPY --chown=1000:0 keycloak /opt/keycloak
USER 1000
ENTRYPOINT ["/opt/keycloak/bin/kc.sh"]
