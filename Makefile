# Two commands need nothing but Python 3.11+, git and make: `make demo` and `make test`. Everything else is for working on Kintsugi.
# Whatever is fetched goes into .tools/ and .venv/ and is not fetched again.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test bench check lint format types imports lock snapshots promises clean setup

export UV_PYTHON_DOWNLOADS := never
unexport VIRTUAL_ENV
unexport UV_PROJECT_ENVIRONMENT

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.version_info < (3, 11) and sys.exit(1); print(sys.executable)' 2>/dev/null && break; done)
UV := $(or $(shell command -v uv 2>/dev/null),.tools/uv/bin/uv)
RUN := $(UV) run --frozen --no-sync
WORKERS ?= $(shell "$(PYTHON)" -c 'import os; print(2 * (os.cpu_count() or 1))')
ARGS ?=

help:  ## this list
	@grep -hE '^[a-z]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*  ## /  make \1\t/' | expand -t 18

demo: setup  ## set everything up, then heal a broken shop in front of you   (ARGS="--ask" …)
	@$(RUN) kintsugi demo $(ARGS)

test: setup  ## set everything up, then pass the tests                        (ARGS="-k logs" …)
ifdef ARGS
	@$(RUN) pytest $(ARGS)
else
	@$(RUN) pytest --numprocesses $(WORKERS) --dist loadfile --ignore tests/e2e    # half of a test is waiting for programs
	@$(RUN) pytest --numprocesses 2 --dist loadfile tests/e2e --ignore tests/e2e/test_demo.py    # whole systems
	@$(RUN) pytest tests/e2e/test_demo.py    # against the clock: alone
endif

bench: setup  ## measure it against its peers, one table       (ARGS="templates" …)
	@$(UV) sync --frozen --quiet --group bench
	@$(RUN) python -m benchmarks $(ARGS)

check: lint types imports  ## format, lint, types, layers

lint: setup
	@$(RUN) ruff format --check
	@$(RUN) ruff check

format: setup  ## let ruff format and mend what it can
	@$(RUN) ruff format
	@$(RUN) ruff check --fix

types: setup
	@$(RUN) pyright

imports: setup
	@$(RUN) lint-imports

lock: $(UV)  ## resolve the dependencies again into uv.lock
	@$(UV) lock

snapshots: setup  ## accept the tool surface as it is now; review the diff
	@UPDATE_SNAPSHOTS=1 $(RUN) pytest tests/surface $(ARGS)

promises: setup  ## write docs/promises.md from the tests
	@$(RUN) python scripts/promises

clean:  ## remove what was fetched and built
	@rm -rf .venv .tools build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache

setup: $(UV)
	@if [ -z "$(PYTHON)" ]; then echo "Kintsugi needs Python 3.11 or newer; install it (Debian: apt-get install python3 python3-venv) and run this again." >&2; exit 3; fi
	@command -v git >/dev/null || { echo "Kintsugi needs git; install it (Debian: apt-get install git) and run this again." >&2; exit 3; }
	@if [ ! -x .venv/bin/python ]; then echo "Setting up in .venv (once, about a minute) …" >&2; export UV_PYTHON="$(PYTHON)" UV_COMPILE_BYTECODE=1; fi; \
		$(UV) sync --frozen --quiet

.tools/uv/bin/uv:
	@if [ -z "$(PYTHON)" ]; then echo "Kintsugi needs Python 3.11 or newer; install it (Debian: apt-get install python3 python3-venv) and run this again." >&2; exit 3; fi
	@echo "Fetching uv into .tools/ (once) …" >&2
	@rm -rf .tools/uv; "$(PYTHON)" -m venv .tools/uv || { rm -rf .tools/uv; \
		echo "Python's venv module is incomplete; install it (Debian: apt-get install python3-venv) and run this again." >&2; exit 3; }
	@.tools/uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.13,<0.14' || { rm -rf .tools/uv; \
		echo "uv could not be fetched from the package index; look at the lines above, or install uv yourself, and run this again." >&2; exit 3; }
