# Everything runs in .venv, which `make setup` builds from the lock file; all that it needs is
# Python 3.11 or newer (PYTHON names another one). `make test-kafka` needs Java 17 and Maven too.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.setup
PYTEST := $(BIN)/python -m pytest
# Read by tests/kafka/pom.xml; `make test-kafka KAFKA_VERSION=3.9.2` runs against an older broker.
KAFKA_VERSION ?= 4.3.0

.PHONY: setup demo test test-kafka bench lint format audit lock clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	$(BIN)/handoff demo

test: setup
	$(PYTEST) tests/unit tests/property tests/contract tests/stream

test-kafka: setup
	KAFKA_VERSION=$(KAFKA_VERSION) $(PYTEST) tests/kafka

bench: setup
	$(BIN)/python -m benchmarks

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict workers tests

lock:
	$(PYTHON) -m venv .cache/lock
	.cache/lock/bin/python -m pip install --disable-pip-version-check --quiet uv
	{ sed -n 1p requirements.lock; .cache/lock/bin/uv pip compile pyproject.toml --extra dev --quiet \
		--universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url; } > .cache/requirements.lock
	mv .cache/requirements.lock requirements.lock

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
