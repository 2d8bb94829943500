# Everything a developer does with this repository. CI runs the same targets.
#
# Variables:  CLUSTER=...  where `e2e` runs: embedded, envtest (a control plane in
#                          KUBEBUILDER_ASSETS), kind, kubeconfig (that of KUBECONFIG)
#             WORKERS=2    among how many processes `test` and `e2e` share their files, each
#                          with servers of its own; 0, and so where the cluster is one: none
#             LONG=1       soaks and full-length faults as well
#             KEEP=1       `demo` leaves its servers running
#             ARGS=...     more arguments for pytest, or for the bench
#             PYTHON=...   the interpreter the virtual environment is made from

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install demo check test e2e bombs bench crds format lock clean

PYTHON ?= python3
CLUSTER ?= embedded
WORKERS ?= $(if $(filter kind kubeconfig,$(CLUSTER)),0,2)
LONG ?=
KEEP ?=
ARGS ?=

BIN := .venv/bin
INSTALLED := .venv/.installed
PEER := build/bench/venv
# A file stays together: its tests share what is made once for it. The files keep their
# order, in which the stories, of which one takes long, come before the unit tests.
PYTEST := $(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
export CLUSTER LONG
export UV_PYTHON_DOWNLOADS := never

help:  ## Show the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "%-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED)  ## Make the virtual environment from the lock

# The stamp is newer than the lock exactly when the environment is what the lock
# says: a second run asks no registry.
$(INSTALLED): pyproject.toml uv.lock tools/bootstrap.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement tools/bootstrap.txt
	$(BIN)/uv sync --quiet --frozen --compile-bytecode
	@touch $@

demo: $(INSTALLED)  ## Run the main job on embedded servers and show it
	$(BIN)/python -m demo $(if $(KEEP),--keep)

check: $(INSTALLED)  ## Lint, types, layers, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m vso_controller.api.crd --check crds
	$(BIN)/python -m vso_controller.settings --check docs/settings.md
	$(BIN)/python -m tools.conditions --check docs/conditions.md
	$(BIN)/python -m tools.functions --check docs/template-functions.md

# What things cost is measured with no other test beside it, and not traced.
test: $(INSTALLED)  ## Every test that needs no cluster of yours
	$(if $(ARGS),,$(BIN)/pytest tests/cost)
	CLUSTER=embedded $(PYTEST) --cov --cov-report=term $(ARGS) --ignore tests/cost tests

e2e: $(INSTALLED)  ## The API contract, the layers and the stories on CLUSTER
	$(PYTEST) $(ARGS) tests/contract tests/servers tests/e2e

bombs: $(INSTALLED)  ## 10,000 generated templates that grow; none may get out of hand
	LONG=1 $(BIN)/pytest --timeout 3600 -k bomb tests/cost/test_templates.py $(ARGS)

bench: $(INSTALLED)  ## What the engine costs, and what kopf does, in the same run
	UV_PROJECT_ENVIRONMENT=$(PEER) $(BIN)/uv sync --quiet --frozen --only-group bench
	$(BIN)/python -m bench engine --kopf $(PEER)/bin/python $(ARGS)

crds: $(INSTALLED)  ## Generate crds/ and the generated pages of docs/
	$(BIN)/python -m vso_controller.api.crd crds
	$(BIN)/python -m vso_controller.settings docs/settings.md
	$(BIN)/python -m tools.conditions docs/conditions.md
	$(BIN)/python -m tools.functions docs/template-functions.md

format: $(INSTALLED)  ## Format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(INSTALLED)  ## Lock the dependencies anew, with hashes
	$(BIN)/uv lock --upgrade
	$(BIN)/uv export --quiet --only-group bootstrap --no-header --output-file tools/bootstrap.txt

clean:  ## Remove what the targets made
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
