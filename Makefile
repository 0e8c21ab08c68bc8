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
