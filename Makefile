# `make help` lists what can be done. Python lives in .venv, downloads in .cache, runs in .run.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE  # pytest rewrites every assert, and keeps what it wrote

PYTHON ?= python3
PY := .venv/bin/python
MATRIX_KEYCLOAK := 26.6.4
LOCK := --generate-hashes --no-emit-find-links --no-emit-index-url --no-emit-trusted-host --strip-extras --allow-unsafe --upgrade
CORE_FLOWS := tests/e2e/test_login.py tests/e2e/test_tokens.py

.PHONY: help setup demo stack test lint test-unit test-core test-java test-browser e2e e2e-matrix e2e-nodes compose-test fit fit-fusion lock realms clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'
	@echo
	@echo "  KEYCLOAK_VERSION=x.y.z chooses another Keycloak; ONCE=1 make demo ends after the run."

setup: ## provide what is missing: .venv, and JDK, Maven, Chromium, PostgreSQL where they can be installed
	@$(PYTHON) tools/needs.py

demo: setup ## start everything, show each kind of decision on a real Keycloak, stay up (ONCE=1: end after the run)
	@$(PY) -m tools.demo

stack: setup ## start everything and stay up, without the narrated run
	@$(PY) -m tools.stack

test: setup ## every test, on the newest Keycloak and the one before: under 12 minutes
	@$(PY) -m tools.suite

lint: setup ## ruff, formatting, strict types, realm files, generated pages
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m mypy --strict -p tools -p benchmarks
	$(PY) -m tools.realms --check
	$(PY) -m tools.signals_doc --check

test-unit: setup ## Python tests that need no Keycloak
	$(PY) -m pytest -n auto --dist worksteal -m 'not e2e and not browser'

test-core: setup ## the pure core's unit tests, then with its properties and branch coverage, which is 100 %
	$(PY) -m pytest -q -m 'not hypothesis' tests/core
	$(PY) -m pytest -q tests/core --cov=idp_adapter.core --cov-branch --cov-fail-under=100 --cov-report=term-missing

test-java: setup ## JUnit, and the extension's jar
	mvn -q -B -f keycloak-extension verify

test-browser: setup ## tests in a real Chromium that need no Keycloak
	$(PY) -m pytest -m 'browser and not e2e'

e2e: setup ## flow tests on a real Keycloak
	$(PY) -m pytest -m e2e tests/e2e

e2e-matrix: setup ## the core flow tests on the Keycloak before
	KEYCLOAK_VERSION=$(MATRIX_KEYCLOAK) $(PY) -m pytest -m e2e $(CORE_FLOWS)

e2e-nodes: setup ## two Keycloak nodes on one PostgreSQL: some minutes, not part of the suite
	$(PY) -m pytest tests/e2e/two_nodes.py

compose-test: setup ## build and try the container stack by podman (root on Debian, some minutes)
	tools/compose-test

fit: setup ## fit the shipped weights again, byte for byte: DATA=folder of the licensed sets
	$(PY) -m tools.fit --data "$(DATA)"
	$(PY) -m tools.fit_touch --data "$(DATA)"
	$(PY) -m tools.fit_fields --data "$(DATA)"
	$(PY) -m tools.fit_pointer --data "$(DATA)"

fit-fusion: setup ## fit what each source counts on the synthetic population, byte for byte: some minutes
	$(PY) -m tools.fit_fusion --tell

lock: setup ## lock the newest allowed dependencies with their hashes
	.venv/bin/pip-compile -q $(LOCK) --extra dev -o requirements/dev.txt pyproject.toml
	.venv/bin/pip-compile -q $(LOCK) -c requirements/dev.txt -o requirements/service.txt pyproject.toml

realms: setup ## write realms/*.json from tools/realms.py
	$(PY) -m tools.realms

clean: ## remove what builds and runs left; downloads stay
	rm -rf .run .cache/keycloak .cache/logs .pytest_cache .mypy_cache .ruff_cache .coverage htmlcov keycloak-extension/target
