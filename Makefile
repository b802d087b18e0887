# The two commands are `make demo` and `make test`; `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
# What takes longest goes first, so that nobody waits for it at the end.
SLOW := tests/crash tests/e2e tests/walk tests/integration/test_environments.py tests/integration/test_cluster_apply.py \
	tests/integration/test_tenancy_page.py tests/integration/test_members.py

.PHONY: help venv binaries demo test check lint types layers unit integration e2e bench soak crds lock clean

help: ## list the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

venv: $(STAMP)

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("fleethub needs Python 3.11 or newer, this is %d.%d" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked dependencies into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

binaries: $(STAMP) ## build the local control planes, once; found again by every clone
	@$(BIN)/python -m bootstrap.local.build
	@$(BIN)/python -m bootstrap.local.build helm

demo: binaries ## a hub and two clusters on this machine, and the whole GitOps loop
	@$(BIN)/fleethub demo $(ARGS)

check: $(STAMP) ## format, lint, types, layers, generated files, unit tests that start no real renderer: seconds
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache > /dev/null || $(BIN)/lint-imports --no-cache
	@$(BIN)/python -m fleet.api.crd --check
	@$(BIN)/python -m fleet.settings --check
	@$(BIN)/python -m fleet.cli.hub_base --check
	@$(BIN)/hadolint bootstrap/hub/Containerfile
	@$(BIN)/pytest -q -n 2 tests/unit tests/house --ignore tests/unit/bootstrap --ignore tests/unit/render $(ARGS)

test: binaries check ## every test: check, then real servers, then end to end
	@$(BIN)/python -m bootstrap.local.build registry kubeseal sealed-secrets-controller terraform tofu > /dev/null
	@$(BIN)/pytest -q -n 3 --dist loadfile --no-loadscope-reorder $(SLOW) tests/e2e tests/hazards tests/integration \
		tests/unit/bootstrap tests/unit/render $(ARGS)

bench: binaries ## floor and fleethub in one run; ARGS="--apps 100 --objects 5 --clusters 2 --out FILE"
	@$(BIN)/python -m tests.bench $(ARGS)

soak: binaries ## a random walk held against a model of the rules; ARGS="--seed N --steps N"
	@$(BIN)/python -m tests.walk $(ARGS)

crds: $(STAMP) ## make crds/ and bootstrap/hub from the models, and docs/settings.md from the table
	@$(BIN)/python -m fleet.api.crd --write
	@$(BIN)/python -m fleet.settings --write
	@$(BIN)/python -m fleet.cli.hub_base --write

lock: ## renew the lock files (needs uv)
	@uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml -o requirements/runtime.txt
	@uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --extra dev pyproject.toml -o requirements/dev.txt

clean: ## remove the virtual environment and caches of this checkout
	@rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis build dist
