# `make` alone says what there is. Needs GNU make and Python 3.11 to 3.13; everything else is put into .venv.
# PYTHON=/path/to/python3.12 chooses the interpreter; ONCE=1 lets the demo end by itself.

VERSIONS := python3 python3.13 python3.12 python3.11
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(firstword $(shell for it in $(VERSIONS); do $$it -c '$(FITS)' 2>/dev/null && echo $$it; done) python3)

BIN := .venv/bin
PIP = $(BIN)/python -m pip --quiet --disable-pip-version-check
# the folder's own number is in the name: an installation moved to another folder is made anew
HERE := $(shell pwd | cksum | cut -d ' ' -f 1)
INSTALLED := .venv/.installed-$(HERE)
INSTALLED_BENCH := .venv/.installed-bench-$(HERE)

.DEFAULT_GOAL := help
.PHONY: help demo test bench chaos fmt

help: ## say what there is
	@sed -n 's/^\([a-z]*\): .*## \(.*\)/  make \1	\2/p' Makefile

demo: $(INSTALLED) ## both CRMs into Postgres through Dagster, ending in its UI (ONCE=1: once, then stop)
	@$(BIN)/python -m crm_pipeline demo $(if $(ONCE),--once)

test: $(INSTALLED) ## everything CI checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadfile

bench: $(INSTALLED_BENCH) ## measure against other tools, write docs/benchmarks.md (ONLY=a,f: some sections)
	@$(BIN)/python -m crm_pipeline_tests.bench $(if $(ONLY),--only $(ONLY))

chaos: $(INSTALLED) ## people, faults and kills on all sides, from seeds (SEED=1 RUNS=20); 1 when a promise broke
	@$(BIN)/python -m crm_pipeline_tests.whole.chaos --seed $(or $(SEED),1) --runs $(or $(RUNS),20) $(CHAOS)

fmt: $(INSTALLED) ## sort imports, format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c '$(FITS)' 2>/dev/null || { \
	    echo "Python 3.11, 3.12 or 3.13 is needed, and $(PYTHON) is not one: install it, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(BIN)/python -c '$(FITS)' 2>/dev/null && $(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	    $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	        echo "Python's venv module is missing: install it (Debian, Ubuntu: apt-get install python3-venv) and try again." >&2; exit 1; }; \
	    echo "Making .venv ..."; $(PYTHON) -m venv --clear .venv; }
	@echo "Installing into .venv (a minute or two the first time) ..."
	@$(PIP) install -c constraints.txt -e '.[demo,test]'
	@rm -f .venv/.installed-*
	@touch $@

$(INSTALLED_BENCH): $(INSTALLED)
	@$(PIP) install -c constraints.txt -e '.[bench]'
	@touch $@
