# Every target sets up what it needs. `make run REPO=/path/to/any/repo` looks at another repository than this one.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
REPO ?= .
STAMP := $(VENV)/.installed
LOCKED := --generate-hashes --no-emit-index-url --no-strip-extras --python-version 3.11 --custom-compile-command "make lock"

.PHONY: setup run ui test test-integration test-vllm soak bench lint lock schemas clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Soloist needs Python 3.11 or newer; name one with PYTHON=..."; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "Python cannot make a virtual environment here; on Debian: apt-get install python3-venv"; exit 2; }
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

run: setup
	$(BIN)/soloist run --repo "$(REPO)"

ui: setup
	$(BIN)/soloist ui

test: setup
	$(BIN)/python -m pytest -q -n 2 --dist loadscope --no-loadscope-reorder -m "not integration and not soak and not vllm"

test-integration: setup
	$(BIN)/python -m pytest -q -n 2 --dist loadscope --no-loadscope-reorder -m "integration"

# The engine for the CPU has an environment of its own, of 2.5 GB.
test-vllm: setup .venv-vllm/made
	$(BIN)/python -m pytest -q -m "vllm"

.venv-vllm/made: tests/real_engine/install.sh tests/real_engine/constraints.txt tests/real_engine/engine_package.py
	rm -rf .venv-vllm
	tests/real_engine/install.sh .venv-vllm
	touch $@

soak: setup
	$(BIN)/python -m pytest -q -x -m "soak"

# make bench ONLY=spine
bench: setup
	$(BIN)/python tests/benchmarks/run.py $(if $(ONLY),--only $(ONLY))

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock:
	uv pip compile --quiet pyproject.toml --extra postgres --group pyproject.toml:dev --output-file requirements.lock $(LOCKED)
	echo 'setuptools>=77' | uv pip compile --quiet pyproject.toml - --extra postgres --constraint requirements.lock --no-annotate \
		--output-file deploy/requirements.lock $(LOCKED)

schemas: setup
	$(BIN)/python -c 'from pathlib import Path; from orchestration_assets.contracts import write_schemas; write_schemas(Path("docs/schemas"))'

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
