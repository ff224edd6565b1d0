# Everything runs in .venv, which `make setup` builds from the lock file; all that it needs is
# CPython 3.11 to 3.14 (PYTHON names another one). `make test-kafka` needs Java 17, Maven and
# redis-server, too, `make test-browser` Chromium.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.setup
WHEELS := The locked packages install with CPython 3.11 to 3.14 on Linux with glibc (x86-64; on arm64 pip \
	builds faust-streaming itself) and on macOS. Alpine (musl) has no wheels: use an image with glibc. On Windows use WSL.
PYTEST := $(BIN)/python -m pytest
COMPILE := .cache/lock/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-emit-index-url --custom-compile-command "make lock"

.PHONY: setup demo test test-kafka test-browser test-agents faults bench lint audit-deps lock format clean

setup: $(STAMP)

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
		{ echo "CPython 3.11 to 3.14 is needed; name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys, sysconfig as s; sys.exit("musl" in str(s.get_config_var("SOABI")) or sys.platform == "win32")' || \
		{ echo "$(WHEELS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@echo "Installing the locked packages into .venv: about a minute."
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements-dev.lock || \
		{ echo "pip could not install the locked packages. If one has no wheel here: $(WHEELS)" >&2; exit 1; }
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	$(BIN)/handoff demo

# Much of it waits for servers: several processes, each with servers of its own, share the cores, and
# tests/conftest.py gives each as much of that. All of them read the compiled modules.
test: export PYTHONDONTWRITEBYTECODE =
test: setup
	$(PYTEST) -n 4 --dist worksteal tests/stream tests/unit tests/property tests/contract

# KAFKA_VERSION=3.9.2 runs it against an older broker, KAFKA_BOOTSTRAP and REDIS_URL against yours.
test-kafka: setup
	$(PYTEST) tests/kafka

# Needs Chromium (apt-get install chromium); CHROMIUM names one that is elsewhere.
test-browser: setup
	$(PYTEST) tests/browser

# The agents of examples/agents on frameworks that nothing else here needs, in an environment of
# their own; its packages are not locked.
test-agents: .cache/agents/.setup
	.cache/agents/bin/python -m pytest -p no:langsmith_plugin tests/agents

.cache/agents/.setup: examples/agents/requirements.txt pyproject.toml
	$(PYTHON) -m venv .cache/agents
	.cache/agents/bin/python -m pip install --disable-pip-version-check --quiet \
		-e '.[dev]' -r examples/agents/requirements.txt
	@touch $@

# The long run behind docs/fault-measurements.md: FAULTS="--seed 7 --rounds 5 --fault kill-all" repeats a part.
FAULTS ?= --rounds 5
faults: setup
	$(BIN)/python -m tests.faults $(FAULTS)

bench: setup
	$(BIN)/python -m benchmarks

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict workers tests benchmarks

# Fails on a known vulnerability; that PyPI could not be asked is a warning.
audit-deps:
	$(PYTHON) .ci/audit_deps.py

# What is locked already stays, unless pyproject.toml asks for something else.
lock:
	$(PYTHON) -m venv .cache/lock
	.cache/lock/bin/python -m pip install --disable-pip-version-check --quiet uv
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	echo hatchling | $(subst pyproject.toml,-,$(COMPILE)) --constraint requirements-dev.lock \
		--output-file requirements-build.lock

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
