# Stands in for the official Maven image where none can be pulled.
ARG DEBIAN
FROM ${DEBIAN}
RUN apt-get -qq update \
 && apt-get -qq install -y --no-install-recommends maven openjdk-17-jdk-headless >/dev/null \
 && rm -rf /var/lib/apt/lists/*
COPY cacerts /etc/ssl/certs/java/cacerts
