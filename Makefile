# Everything runs from .venv, which `requirements.lock` describes to the hash.
.DEFAULT_GOAL := help

PYTHON ?= python3
PORT ?= 3000
REPORT_PORT ?= 3001
BIN := .venv/bin
LINTERS := lint-sql lint-types lint-style lint-format lint-imports

.PHONY: help install browser run test check lint ui bench lock $(LINTERS)

help: ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: .venv/installed ## Install what the lock file pins into .venv

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with PYTHON=python3.x")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

browser: ## Install Chromium for the tests, unless there is a browser
	@sh ecom_pipeline_tests/browser/install.sh

run: install ## Run the whole pipeline for the default window
	@$(BIN)/ecom run

test: install browser lint ## Run every test and check
	$(BIN)/pytest -n 3 --dist worksteal --durations 25

check: install lint ## Run the quick checks: linters, types, unit tests
	$(BIN)/pytest -n 2 ecom_pipeline_tests/unit

lint: install
	@$(MAKE) --no-print-directory --jobs 2 $(LINTERS)

lint-sql:
	$(BIN)/sqlfluff lint sql ecom_labs/sql
lint-types:
	$(BIN)/mypy
lint-style:
	$(BIN)/ruff check .
lint-format:
	$(BIN)/ruff format --check .
lint-imports:
	$(BIN)/lint-imports

ui: install ## Serve Dagster on http://127.0.0.1:3000 and the report page on port 3001
	@$(BIN)/ecom up
	@$(BIN)/ecom report --serve $(REPORT_PORT) & trap "kill $$!" EXIT INT TERM; \
	ECOM_REPORT_URL=http://127.0.0.1:$(REPORT_PORT) \
	$(BIN)/python -m ecom_pipeline.defs.webserver $(PORT)

bench: install ## Compare the speed with alternatives; writes bench/latest.json
	@$(BIN)/ecom bench

PIN := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	--no-strip-extras --python-version 3.11 pyproject.toml

lock: ## Pin all versions again
	$(PIN) --extra labs --extra dev --output-file requirements.lock
	$(PIN) deploy/requirements.in --constraint requirements.lock --output-file deploy/requirements.lock
