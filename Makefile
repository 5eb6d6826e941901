# `make` prints what there is. Works with GNU make 3.81 and bash 3.2, so on macOS as it comes.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: coverage group image sentences help setup hooks serve test hard-day check fix e2e e2e-all bench docs changelog lock clean console console-check pictures package-azure release-check conformance site

VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL = $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet install
# Test processes: as many as there are processors.
WORKERS ?= auto
ARGS ?=
# Command line versions that the end-to-end tests drive: the newest, or all of them on a build machine.
E2E_VERSIONS ?= $(if $(filter true,$(CI)),all,3.274.1)
# The command line against each cloud's services takes many minutes; build machines always run it.
SLOW = $(if $(filter true,$(CI)),,-m "not slow")
PYTEST = STACKHOLD_E2E_VERSIONS="$(E2E_VERSIONS)" $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  ARGS="…" is passed on: make serve ARGS="--port 9000", make test ARGS="-k journal".'

# --- virtual environment: each stamp is newer than the lock file it was installed from --------------------------------

$(VENV)/.made:
	@python=$$(tools/find_python) && echo "Making $(VENV) with $$python" && "$$python" -m venv $(VENV)
	@touch $@

# A build tool of its own lock file, so that the editable install resolves nothing afresh.
$(VENV)/.build: $(VENV)/.made requirements/build.txt
	@$(PIP_INSTALL) --require-hashes -r requirements/build.txt
	@touch $@

$(VENV)/.local: $(VENV)/.build requirements/local.txt
	@echo "Installing what the server needs (requirements/local.txt)"
	@$(PIP_INSTALL) --require-hashes -r requirements/local.txt
	@touch $@

$(VENV)/.self: $(VENV)/.local pyproject.toml
	@$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt requirements/chalice.txt | $(VENV)/.self
	@echo "Installing what tests and checks need (requirements/dev.txt)"
	@$(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	@$(PIP_INSTALL) --require-hashes --no-deps -r requirements/chalice.txt
	@touch $@

$(VENV)/.sam: requirements/sam.txt requirements/policies.txt | $(VENV)/.dev
	@$(PIP_INSTALL) --require-hashes --no-deps -r requirements/sam.txt
	@$(PIP_INSTALL) --require-hashes --no-deps -r requirements/policies.txt
	@touch $@

$(VENV)/.console: requirements/console.txt | $(VENV)/.dev
	@echo "Installing Node for the console (requirements/console.txt)"
	@$(PIP_INSTALL) --require-hashes -r requirements/console.txt
	@touch $@

setup: $(VENV)/.dev $(VENV)/.sam ## Make .venv with everything for working on Stackhold
	@echo "$(VENV) is ready"

hooks: ## Check every commit with the git hooks of tools/hooks; needs nothing from the network
	git config core.hooksPath tools/hooks

# --- use -----------------------------------------------------------------------------------------------------------

serve: $(VENV)/.self ## Set up and start the server on this machine
	@exec $(BIN)/stackhold serve $(ARGS)

# --- tests and checks ------------------------------------------------------------------------------------------------

test: $(VENV)/.dev $(VENV)/.sam ## Run every test this machine can run; the last lines say what was left out
	$(PYTEST) $(SLOW) $(ARGS)

check: $(VENV)/.dev ## Check format, lint, types, architecture, limits, lock files, generated docs and their site
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_limits.py tests/test_words.py tests/test_requirements.py tests/test_documents.py tests/test_migration_files.py
	$(BIN)/python -m tools.generate_docs --check
	$(BIN)/python -m tools.docs_site

fix: $(VENV)/.dev ## Format and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The tests that drive other processes say nothing about lines in this one.
coverage: $(VENV)/.dev ## Measure branch coverage by the tests on SQLite; fails below the floor in pyproject.toml
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --database sqlite -m "not slow" --cov $(ARGS) \
		$(addprefix --ignore=tests/,aws bench browser e2e hosts mysql tools)

e2e: $(VENV)/.dev $(VENV)/.sam ## Drive the real pulumi command line, in its newest version
	$(PYTEST) tests/e2e $(ARGS)

e2e-all: $(VENV)/.dev $(VENV)/.sam ## The same in every version, on SQLite, and on each cloud's services and packed functions
	STACKHOLD_CLOUD_E2E_VERSIONS=all $(MAKE) e2e E2E_VERSIONS=all ARGS="tests/aws/test_command_line.py tests/hosts/test_e2e.py $(ARGS)"

hard-day: $(VENV)/.dev ## Play a hard day: kill servers and databases, fill disks, let stores lie, and look whether all is there
	$(BIN)/python -m tests.hard_day $(ARGS)

bench: $(VENV)/.dev ## Measure budgets, wire load and command line load
	$(BIN)/python -m bench $(ARGS)

# --- console: scripts and styles of the pages, built by Node from the Python package; the result is committed ---------------

console: $(VENV)/.console ## Build the scripts and styles of the pages after a change in console/
	$(BIN)/python -m tools.console build

console-check: $(VENV)/.console ## Check types, style and units of console/, and that the committed build is its own
	$(BIN)/python -m tools.console check

pictures: $(VENV)/.dev ## Keep a picture of every page, in each size and both looks, in build/pictures
	mkdir -p build/pictures
	STACKHOLD_PICTURES="$(CURDIR)/build/pictures" $(BIN)/python -m pytest tests/browser $(ARGS)

# --- packages for the clouds -----------------------------------------------------------------------------------------

include aws/build.mk

package-azure: $(VENV)/.dev ## Build the Azure function app in dist/stackhold-azure.zip
	$(BIN)/python -m tools.package_azure $(ARGS)

release-check: $(VENV)/.dev ## Check that this commit can be released, and build the release in dist/release (docs/releasing.md)
	$(BIN)/python -m tools.release_check $(ARGS)

conformance: $(VENV)/.dev ## Judge a server from the built wheel with the conformance kit: ARGS="--kit FOLDER" (docs/releasing.md)
	$(BIN)/python -m tools.conformance $(ARGS)

BUILDER ?= $(firstword $(notdir $(shell command -v podman) $(shell command -v docker)))
PLATFORM ?= linux/amd64
IMAGE ?= localhost/stackhold:latest

image: ## Build the server as an image with podman or docker (PLATFORM=linux/arm64, IMAGE=…)
	@test -n "$(BUILDER)" || { echo "building an image needs podman or docker" >&2; exit 1; }
	$(BUILDER) build --file infra/container/Containerfile --build-arg PLATFORM=$(PLATFORM) --tag $(IMAGE) .

group: $(VENV)/.dev ## Write the skeleton of a new group of endpoints: make group NAME=services (CONTRIBUTING.md)
	@$(BIN)/python -m tools.group "$(NAME)" $(if $(ADDRESS),--address "$(ADDRESS)") $(if $(PERMISSION),--permission "$(PERMISSION)")

# --- generated files -------------------------------------------------------------------------------------------------

sentences: $(VENV)/.dev ## List every sentence that people read: errors, log lines, pages, mails, help, settings
	@$(BIN)/python -m tools.sentences $(ARGS)

docs: $(VENV)/.dev ## Write docs/configuration.md, commands.md, compatibility.md, metrics.md, tables.md and the list in README.md again
	$(BIN)/python -m tools.generate_docs

site: $(VENV)/.dev ## Build the documentation as a site in build/site; fails for a link that leads nowhere
	$(BIN)/python -m tools.docs_site

changelog: $(VENV)/.dev ## Put CHANGELOG.md in order: each kind of change once, nothing twice
	$(BIN)/python -m tools.changelog

COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet \
	$(if $(UPGRADE),--upgrade)

# dev.txt is resolved first and binds the others, so that the version that was tested is the one that is shipped.
lock: $(VENV)/.dev ## Write requirements/*.txt again (UPGRADE=1: with newer versions)
	$(COMPILE) pyproject.toml --group dev -o requirements/dev.txt
	$(COMPILE) pyproject.toml --extra postgres -c requirements/dev.txt -o requirements/local.txt
	$(COMPILE) pyproject.toml --extra aws --excludes requirements/server-only.in -c requirements/dev.txt -o requirements/aws.txt
	$(COMPILE) pyproject.toml --extra azure --excludes requirements/server-only.in -c requirements/dev.txt -o requirements/azure.txt
	$(COMPILE) pyproject.toml --extra aws --extra xray --excludes requirements/server-only.in -c requirements/dev.txt -o requirements/aws-xray.txt
	$(COMPILE) pyproject.toml --extra aws --extra otel-http --excludes requirements/server-only.in -c requirements/dev.txt -o requirements/aws-otel.txt
	$(COMPILE) pyproject.toml --extra aws --extra azure --extra otel --extra postgres -c requirements/dev.txt -o requirements/container.txt
	$(COMPILE) --group pyproject.toml:build -c requirements/dev.txt -o requirements/build.txt
	$(COMPILE) --group pyproject.toml:console --no-deps -o requirements/console.txt
	$(COMPILE) --group pyproject.toml:schedules --no-deps -o requirements/chalice.txt
	$(COMPILE) --group pyproject.toml:azure-platform --no-deps -o requirements/azure-platform.txt
	$(COMPILE) --group pyproject.toml:sam --no-deps -o requirements/sam.txt
	$(COMPILE) --group pyproject.toml:policies --no-deps -o requirements/policies.txt
	cp requirements/azure.txt requirements.txt # Azure's own build looks for it there.

clean: ## Remove caches and build results (keeps .venv and .stackhold)
	rm -rf build dist .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
