# Two commands for a new machine: `make demo` to hear something, `make test` to check everything.
# Needed: Python 3.11 or newer, pip, make. On Windows: pip install . -c constraints.txt, then sda demo.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# Threads that wait asleep: with other programs on the same cores, spinning ones make torch many times slower.
export OMP_WAIT_POLICY = passive
export KMP_BLOCKTIME = 0

.PHONY: demo test install machine lint audit check clean

demo: $(VENV)/.installed
	$(BIN)/sda demo --output demo

test: install
	$(BIN)/python tests/in_two.py

# With --jobs 2, what the machine needs and what Python needs come at once: each waits for its own network.
install: machine $(VENV)/.installed-dev

machine:
	sh tests/real/install_recordings.sh
	sh tests/real/install_samplers.sh
	sh tests/ui/install_browser.sh

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Fails for a known vulnerability; warns where the database cannot be reached.
audit: $(VENV)/.installed-dev
	$(BIN)/python .ci/audit.py

check: test lint

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev
	@# The embedding that sound is measured with; its own dependencies are not needed. Without it those tests are skipped.
	$(BIN)/python -m pip install --quiet --no-deps aisfx==0.1.2 || echo "*** aisfx could not be installed: sound is not measured" >&2
	@touch $@

clean:
	rm -rf $(VENV) demo build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
