# Everything runs in .venv, made on first use; `make help` lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
# A stamp per lock: a changed requirements file installs anew, an unchanged one costs nothing.
RUN_STAMP := $(VENV)/.run-$(shell cksum < requirements.txt | tr -s ' ' '-')
DEV_STAMP := $(VENV)/.dev-$(shell cksum < requirements-dev.txt | tr -s ' ' '-')
export UV_PYTHON_DOWNLOADS := never

.PHONY: help
help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 20

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Leadflow needs Python 3.11 or newer (set PYTHON=/path/to/it)." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python could not make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }

# $(1): requirements file. uv is several times faster; pip does the same where there is no uv.
define install
	@echo "Installing $(1) into $(VENV)"
	@command -v uv >/dev/null 2>&1 || test -x $(BIN)/uv || \
		$(BIN)/python -m pip install --quiet --require-hashes -r requirements-uv.txt 2>/dev/null || true
	@if command -v uv >/dev/null 2>&1; then uv=uv; else uv=$(BIN)/uv; fi; \
	if "$$uv" --version >/dev/null 2>&1; then \
		"$$uv" pip install --quiet --python $(BIN)/python --require-hashes -r $(1); \
	else \
		$(BIN)/python -m pip install --quiet --require-hashes -r $(1); \
	fi
endef

$(DEV_STAMP): | $(BIN)/python
	$(call install,requirements-dev.txt)
	@rm -f $(VENV)/.dev-* && touch $@

# The development lock holds the same versions of everything the runtime lock names.
$(RUN_STAMP): | $(BIN)/python
	$(call install,requirements.txt)
	@rm -f $(VENV)/.run-* && touch $@

.PHONY: setup
setup: $(DEV_STAMP) $(RUN_STAMP) ## Make .venv with everything to run and to develop

.PHONY: run
run: $(RUN_STAMP) ## Run Leadflow with its demo at http://127.0.0.1:8000 (PORT= to change); Ctrl-C stops it
	@LEADFLOW_LOCAL=1 PORT=$(PORT) exec $(BIN)/python manage.py up

.PHONY: worker
worker: $(RUN_STAMP) ## Run workers and beat alone, against DATABASE_URL and REDIS_URL
	@exec $(BIN)/python manage.py up worker beat

# --- Tests: PYTEST_ARGS= adds to the command line ---------------------------------------------------

.PHONY: test
test: $(DEV_STAMP) ## Run the tests, on SQLite or on what DATABASE_URL and REDIS_URL point to
	@$(BIN)/pytest -n auto $(PYTEST_ARGS)

# $(1): directory, $(2): what to set. A directory without tests yet is no failure (pytest says 5).
define test_apart
	@if test -d $(1); then $(2) $(BIN)/pytest $(1) $(PYTEST_ARGS) || test $$? -eq 5; else echo "No $(1) yet."; fi
endef

.PHONY: test-faults
test-faults: $(DEV_STAMP) ## Kill, cut off and fill up everything, and look what is left
	$(call test_apart,tests/faults,)

.PHONY: test-faults-long
test-faults-long: $(DEV_STAMP) ## The same with release figures; about an hour
	$(call test_apart,tests/faults,LEADFLOW_FAULTS=long)

.PHONY: test-browser
test-browser: $(DEV_STAMP) ## Click through the pages in Chromium, in both themes
	$(call test_apart,tests/browser,DJANGO_ALLOW_ASYNC_UNSAFE=1 PYTEST_ADDOPTS="-n 2")

.PHONY: bench
bench: $(DEV_STAMP) ## Measure Leadflow against its floors; BENCH_ARGS= chooses what
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

# --- Checks: `check` is what CI runs ----------------------------------------------------------------

.PHONY: check
check: format-check lint types imports templates migrations test ## Everything that must hold before a commit

.PHONY: fmt
fmt: $(DEV_STAMP) ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix --quiet . || true

.PHONY: format-check
format-check: $(DEV_STAMP)
	@$(BIN)/ruff format --check .

.PHONY: lint
lint: $(DEV_STAMP) ## Lint the code
	@$(BIN)/ruff check .

.PHONY: types
types: $(DEV_STAMP) ## Check the types
	@$(BIN)/mypy

.PHONY: imports
imports: $(DEV_STAMP) ## Check who imports whom
	@$(BIN)/lint-imports --no-logo

.PHONY: templates
templates: $(DEV_STAMP) ## Lint the templates
	@if test -d templates; then $(BIN)/djlint templates --lint --quiet; fi

.PHONY: migrations
migrations: $(DEV_STAMP) ## Check that no model change lacks its migration
	@$(BIN)/python manage.py makemigrations --check --dry-run

# --- Upkeep ------------------------------------------------------------------------------------------

COMPILE := pip compile --universal --python-version 3.11 --generate-hashes --quiet

.PHONY: lock
lock: $(DEV_STAMP) ## Write the lock files anew from pyproject.toml (LOCK_ARGS=--upgrade for newer versions)
	@$(BIN)/uv $(COMPILE) $(LOCK_ARGS) -o requirements.txt pyproject.toml
	@$(BIN)/uv $(COMPILE) $(LOCK_ARGS) --extra dev -c requirements.txt -o requirements-dev.txt pyproject.toml

.PHONY: env
env: $(RUN_STAMP) ## Write .env for docker compose, with fresh keys; keeps one that is there
	@$(BIN)/python -m leadflow.envfile

.PHONY: hooks
hooks: $(DEV_STAMP) ## Check each commit before it is made
	@$(BIN)/pre-commit install

.PHONY: clean
clean: ## Remove .venv and caches; the data in var/ stays
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis staticfiles
