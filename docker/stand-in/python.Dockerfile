# Stands in for the official Python image where none can be pulled.
ARG DEBIAN
FROM ${DEBIAN}
RUN apt-get -qq update \
 && apt-get -qq install -y --no-install-recommends python3 python3-pip python3-venv python-is-python3 >/dev/null \
 && rm -rf /var/lib/apt/lists/*
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt
