# `make` alone says what there is.
.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin
CODE := sidekick outputs bpf bench tests
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock" --quiet --all-extras --group build

.PHONY: help install run test check lint bench services test-guest lock docs clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed  ## Make .venv with the locked packages, so that .venv/bin/sidekick is there

run: install  ## Start sidekick with no other server, send it one alert and say where to look
	@config/quickstart.sh

test: .venv/tools services lint  ## Everything: packages, servers, linters, all tests (CI runs this)
	@$(BIN)/pytest

check: .venv/tools lint  ## The quick loop: linters and the tests that need no server
	@$(BIN)/pytest -m "not service and not slow"

lint: .venv/tools
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/shellcheck $(shell git ls-files '*.sh') .ci/run

bench: .venv/tools services  ## Measure: CPU, latency, memory, start time
	@$(BIN)/python -m bench

services: .venv/tools  ## Get the servers that the tests start: Debian packages, Java servers, NATS Streaming
	@tests/services/packages.sh
	@$(BIN)/python -m tests.services.jars
	@$(BIN)/python -m tests.services.streaming

test-guest: .venv/tools  ## The blocker on another kernel, in an emulated machine (needs QEMU; not part of make test)
	$(MAKE) -C bpf test-guest

lock:  ## Renew the locked versions within pyproject.toml's ranges (needs uv)
	$(LOCK) --upgrade --output-file requirements.lock
	$(LOCK) --upgrade --group dev --constraint requirements.lock --output-file requirements-dev.lock

docs: .venv/tools  ## Write the generated files anew: config/example.yaml, config/schema.json, docs
	$(BIN)/python -m sidekick schema --write

clean:  ## Remove what was made here; the servers' jars stay in ~/.cache/sidekick-services
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis build dist
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# The project itself is editable: a change in the code needs no new install.
.venv/installed: requirements.lock pyproject.toml | .venv/made
	$(BIN)/pip install -q --require-hashes -r requirements.lock
	$(BIN)/pip install -q --no-deps --no-build-isolation --no-index -e .
	@touch $@

.venv/tools: requirements-dev.lock .venv/installed
	$(BIN)/pip install -q --require-hashes -r requirements-dev.lock
	@touch $@

.venv/made:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends python3.11-venv; }
	$(PYTHON) -m venv --clear .venv
	@touch $@
