# Two commands: `make run` does the main job, `make test` proves it. Both need only Python 3.11+ and git.
PYTHON ?= python3
BIN := .venv/bin

# Nothing phones home and nothing is downloaded at run time.
export DO_NOT_TRACK := 1
export GX_ANALYTICS_ENABLED := false

.PHONY: run test check lint types install lock clean

run: .venv/installed
	$(BIN)/tenfold run

test: .venv/installed lint types
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

check: test

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/mypy

install: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Tenfold needs Python 3.11 or newer; call make with PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv .venv
	# The lock is complete, so nothing is resolved here: older pips cannot match extras against hashes.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf .venv data build
