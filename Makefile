# Needs Python 3.11 or newer and make; everything else is fetched, pinned by hash, into .venv.

.DEFAULT_GOAL := help
.SUFFIXES:
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := -m pip --disable-pip-version-check --quiet
BY_HASH := --require-hashes --no-deps

# The first of these that is new enough and can make virtual environments; looked for once, and only when needed.
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
NEW_ENOUGH := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(eval PYTHON := $(shell \
	for each in $(CANDIDATES); do $$each -c '$(NEW_ENOUGH)' 2>/dev/null && { echo $$each; break; }; done))$(PYTHON)

define NEED_PYTHON
@"$(PYTHON)" -c '$(NEW_ENOUGH)' 2>/dev/null || { \
	echo "sync-worker needs Python 3.11 or newer with its venv module, and found none: $(or $(PYTHON),$(CANDIDATES))." >&2; \
	echo "Install one (Debian, Ubuntu: python3 and python3-venv), or name it: make PYTHON=/path/to/python3.12 ..." >&2; \
	exit 2; }
endef

.PHONY: help demo test test-all torture schedules soak lint audit bench install install-examples lock clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Variables: PYTHON=… (the interpreter), VENV=… (its environment, .venv), ARGS=… (for test, soak and bench), DEMO_ARGS=… (for demo)."

demo: $(STAMP) ## The whole story, on a simulated Canvas and a PostgreSQL of its own.
	$(BIN)/sync-worker demo $(DEMO_ARGS)

# Tests wait a good part of their time, so more of them than cores pay. Who is done early takes over what others have not begun.
IN_PARALLEL := --numprocesses=4 --dist=worksteal
PYTEST = @$(BIN)/python -m tests.timed "make $@" $(BIN)/python -m pytest $(IN_PARALLEL)
test: $(STAMP) ## What every change plays, in parallel: under six minutes; ARGS="-n 0 -k name" for some, one after the other.
	$(PYTEST) $(ARGS)

test-all: $(STAMP) ## The same and the longer tests: under half an hour.
	$(PYTEST) -m "not torture" --hypothesis-profile=unhurried $(ARGS)

# Chaos with more seeds, laws with more examples, every cell of the fault matrix by itself, every kill, every lost database.
torture: export CHAOS_SEEDS ?= 340
torture: export SOAK_USERS ?= 5000
torture: $(STAMP) ## What takes too long for every day: under half an hour.
	$(PYTEST) -m torture --hypothesis-profile=torture --timeout=3600 $(ARGS)

# Plans, applies, undos and runs in random order, with late effects, stale reads, clock steps, kills and cut connections.
schedules: export SCHEDULES = $(or $(COUNT),60)
schedules: export SCHEDULES_SEED = $(or $(SEED),1)
schedules: $(STAMP) ## Random schedules against a state machine; COUNT=500 SEED=1 for more, and others.
	$(PYTEST) -m "not torture" -s tests/integration/flows/test_apply_machine.py $(ARGS)

# One run in every kind of trouble at once, and a plain one after it: about half an hour for 200,000 users.
soak: $(STAMP) ## The soak with its figures; ARGS="20000" for fewer users.
	$(BIN)/python -m tests.soak $(ARGS)

lint: $(STAMP) ## Style, types, structure.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# A tool of its own with many dependencies, so it lives apart. 0: nothing known, 1: a known vulnerability, 3: not checked.
AUDITOR := build/audit/bin/pip-audit
$(AUDITOR):
	$(NEED_PYTHON)
	"$(PYTHON)" -m venv build/audit
	build/audit/bin/python $(PIP) install pip-audit==2.10.1

audit: $(STAMP) $(AUDITOR) ## Known vulnerabilities of what requirements.lock names; needs the network.
	$(BIN)/python -m tests.audit $(AUDITOR) requirements.lock

bench: $(STAMP) ## Measure it on this machine.
	$(BIN)/python tests/benchmarks $(ARGS)

install: $(STAMP) ## Install for real use: make install PREFIX=DIR.
	$(NEED_PYTHON)
	@test -n "$(PREFIX)" || { echo "say where: make install PREFIX=/opt/sync-worker" >&2; exit 2; }
	rm -rf build/wheel
	$(BIN)/python $(PIP) wheel --no-build-isolation --no-deps --wheel-dir build/wheel .
	mkdir -p "$(PREFIX)/bin" "$(PREFIX)/lib"
	"$(PYTHON)" -m venv --clear "$(PREFIX)/lib/sync-worker"
	"$(PREFIX)/lib/sync-worker/bin/python" $(PIP) install $(BY_HASH) -r requirements-runtime.lock
	"$(PREFIX)/lib/sync-worker/bin/python" $(PIP) install --no-deps --no-index build/wheel/*.whl
	ln -sfn ../lib/sync-worker/bin/sync-worker "$(PREFIX)/bin/sync-worker"
	"$(PREFIX)/bin/sync-worker" --version
	@$(MAKE) --no-print-directory install-examples PREFIX="$(PREFIX)"

# What the pages name, under the names that they use. Each by its name: a private configuration may lie beside them.
SHARED := $(addprefix config/,sync-worker.example.toml desired.example.yaml desired.schema.json users.example.csv \
	systemd/sync-worker.service systemd/sync-worker-run.service systemd/sync-worker-run.timer cron/sync-worker) sql/roles.sql
install-examples:
	@test -n "$(PREFIX)" || { echo "say where: make install PREFIX=/opt/sync-worker" >&2; exit 2; }
	@install -d -m 0755 $(foreach each,$(sort $(dir $(SHARED))),"$(PREFIX)/share/sync-worker/$(each)")
	@$(foreach each,$(SHARED),install -m 0644 $(each) "$(PREFIX)/share/sync-worker/$(each)" &&) true

# Both locks come from pyproject.toml; the second, for real use, is a part of the first. UPGRADE=--upgrade takes new versions.
COMPILE := build/lock/bin/uv pip compile pyproject.toml --quiet $(UPGRADE) --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header --no-annotate
lock: ## Write the lock files anew; UPGRADE=--upgrade for newer versions.
	$(NEED_PYTHON)
	"$(PYTHON)" -m venv build/lock
	build/lock/bin/python $(PIP) install uv
	$(COMPILE) --extra embedded --group dev --output-file requirements.lock
	$(COMPILE) --constraint requirements.lock --output-file requirements-runtime.lock

clean: ## Remove what was made here, .venv too.
	rm -rf $(VENV) build dist htmlcov .coverage .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): requirements.lock pyproject.toml
	$(NEED_PYTHON)
	@$(BIN)/python -c '' 2>/dev/null || "$(PYTHON)" -m venv --clear $(VENV)
	$(BIN)/python $(PIP) install $(BY_HASH) -r requirements.lock
	$(BIN)/python $(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@
