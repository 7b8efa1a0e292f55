# Everything sets itself up in .venv; a second run starts at once. Needs make and Python 3.11 or newer
# with venv; uses uv where it is installed. Another interpreter: make demo PYTHON=python3.12
# (an existing .venv keeps its own: make clean first).

PYTHON ?= python3
FAULT ?=
UPGRADE ?=

# A file's tests stay together: they share servers. Four at once, also on two cores: they wait more than
# they compute. More only stand in each other's way.
WORKERS ?= --numprocesses 4 --dist loadfile

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

# Where containers set it, every program that a test or a benchmark starts would be compiled anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench soak lock wheel screenshot clean
# The targets share one .venv; two installers in it at once would break it.
.NOTPARALLEL:

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1 /p' Makefile | while read -r name words; do \
		printf '  make %-10s %s\n' "$$name" "$$words"; done

demo: .venv/.ready-demo ## a broken backend on this machine, and its diagnosis; FAULT="…" for another one
	@$(BIN)/eloquence demo $(FAULT)

test: .venv/.ready-dev ## the tests
	@$(BIN)/pytest $(WORKERS)

lint: .venv/.ready-dev ## style, types, and which module may import which
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy eloquence_ops tests $(wildcard bench/*.py)
	@$(BIN)/lint-imports --no-logo

bench: .venv/.ready-dev ## the benchmarks, each beside a peer
	@$(BIN)/python -m bench

soak: .venv/.ready-dev ## the tests that take longer than CI should
	@$(BIN)/pytest -m soak

wheel: .venv/.ready-dev ## the source archive and the wheel, in dist/
	@$(BIN)/python -m build --no-isolation --outdir dist

# dev.txt first: it is the largest, and the others take their versions from it, so that demo and test
# can share one .venv. Versions that still fit are kept; make lock UPGRADE=1 takes the newest.
lock: ## renew requirements/ from pyproject.toml (needs uv); UPGRADE=1 for newer versions
	@$(LOCK) pyproject.toml --extra lab --extra media --group dev -o requirements/dev.txt
	@$(LOCK) pyproject.toml -c requirements/dev.txt -o requirements/runtime.txt
	@$(LOCK) pyproject.toml -c requirements/dev.txt --extra lab -o requirements/lab.txt
	@$(LOCK) pyproject.toml -c requirements/dev.txt --extra lab --extra media -o requirements/media.txt
	@$(LOCK) -c requirements/dev.txt --group build -o requirements/build.txt

screenshot: .venv/.ready-dev ## renew docs/demo.svg from a real run
	@$(BIN)/python docs/screenshot.py >/dev/null

clean: ## remove what make and the tools made
	@rm -rf .venv dist build .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find $(wildcard eloquence_ops tests bench) -name __pycache__ -type d -prune -exec rm -rf {} +

# --- Set-up: each step ends with its stamp, so an interrupted one is done again --------------------

# Without this stamp .venv is not known to be whole, and is made anew.
.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "eloquence needs Python 3.11 or newer, and $(PYTHON) is" \
			"$$($(PYTHON) -c 'import sys; print(sys.version.split()[0])' 2>/dev/null || echo missing);" \
			"name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo "Setting up .venv with $$($(PYTHON) --version) ..."
	@rm -rf .venv
	@if uv --version >/dev/null 2>&1; then uv venv --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv; \
	else $(PYTHON) -m venv .venv; fi
	@touch $@

# The locked packages, every hash checked; then this checkout over them, editable, built by the locked
# backend. A .venv made with uv has no pip: ensurepip covers an uv that has gone since.
define install
	@if uv --version >/dev/null 2>&1; then \
		uv pip install --quiet --python $(BIN)/python --require-hashes $(1) && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .; \
	else \
		{ $(PIP) --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null; } && \
		$(PIP) install --quiet --require-hashes $(1) && \
		$(PIP) install --quiet --no-deps --no-build-isolation --editable .; \
	fi
	@touch $@
endef

.venv/.ready-demo: .venv/.made requirements/lab.txt requirements/build.txt pyproject.toml
	@echo "Installing eloquence and its lab (requirements/lab.txt) ..."
	$(call install,-r requirements/lab.txt -r requirements/build.txt)

.venv/.ready-dev: .venv/.made requirements/dev.txt pyproject.toml
	@echo "Installing eloquence and the development tools (requirements/dev.txt) ..."
	$(call install,-r requirements/dev.txt)
