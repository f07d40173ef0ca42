# Everything a fresh machine needs to run rmab: Python 3.11 or newer, git and make. `make` alone lists the targets.

PYTHON ?= python3
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.requirements-installed
PYTEST := $(BIN)/python -m pytest -q --numprocesses=$(WORKERS) --dist=loadfile

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-all lint bench docs

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## Make .venv with the pinned requirements and rmab itself

demo: $(STAMP) ## Plan this period's calls from an example log; leaves demo/report.html, calls.csv, plan.json
	$(BIN)/rmab plan examples/respiratory.csv --arm arm --time time --state state --action action --passive 0 \
	  --rewards "good=1,poor=0" --budget 20 --replicates 10000 --out demo --seed 7

test: lint ## Lint, then the tests, docstring examples and documentation examples
	$(PYTEST)

test-all: lint ## The same with the heavy checks
	$(PYTEST) -m "slow or not slow"

lint: $(STAMP) ## ruff check, ruff format --check, mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP) ## Run every benchmark, one after the other
	@set -e; for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

docs: $(STAMP) ## Build the documentation into docs/_build/html; warnings are errors
	$(BIN)/sphinx-build --fresh-env --fail-on-warning --keep-going -b html docs docs/_build/html

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'rmab needs Python 3.11 or newer, but "$(PYTHON)" is missing or older. Name another: make setup PYTHON=python3.12' >&2; \
	  exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
