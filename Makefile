# The daily commands. A bare machine needs Python 3.11 or newer, a Rust toolchain and make; the rest is installed into
# .venv from the hash-pinned locks in deploy/locks. Files under .venv named .ok-* mark what is done, so that a second
# call does only what a change made necessary.

PYTHON ?= python3
# One more than the two cores that the checks are meant for: many tests wait for processes that they started.
WORKERS ?= 3

VENV := .venv
BIN := $(VENV)/bin
LOCKS := deploy/locks
CARGO := cargo
CARGO_MANIFEST := --manifest-path native/Cargo.toml --locked
# Lints and tests see what is optional, too, in one build; the Python module is built without.
CARGO_FEATURES := --features omni-oms/fpga,omni-oms/io_uring

# One interpreter for every build of the binding crate: a different one would rebuild it.
export PYO3_PYTHON := $(abspath $(BIN)/python)
export VIRTUAL_ENV := $(abspath $(VENV))
unexport CONDA_PREFIX
# Hundreds of interpreters are started by the tests; none of them should compile what another has compiled.
unexport PYTHONDONTWRITEBYTECODE

NATIVE_SOURCES := $(shell find native -name target -prune -o -type f \( -name '*.rs' -o -name '*.toml' -o -name Cargo.lock \) -print 2>/dev/null)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup setup-dev run test lint types rust-test py-test nb-test fuzz notebooks lab dashboard bench format lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- use ------------------------------------------------------------------------------------------------------------

setup: $(VENV)/.ok-native ## make .venv with everything that `make run` needs
	@echo "Ready: $(BIN)/omni, $(BIN)/python"

run: $(VENV)/.ok-native ## set up, then run the canonical pipelines on real prices; prints where the report is
	@$(BIN)/omni ingest
	@$(BIN)/omni run backtest

lab: setup-dev ## set up, then open JupyterLab on the tour; its notebook jobs run as pipelines
	$(BIN)/jupyter lab --config deploy/jupyter/jupyter_lab_config.py notebooks/00_tour.ipynb

dashboard: setup-dev ## set up, then serve dashboard, REST and sockets on a synthetic market; SERVE_FLAGS="--help" says what else
	$(BIN)/omni serve $(SERVE_FLAGS)

bench: setup-dev ## benchmarks beside other engines, which get an environment of their own; BENCH_FLAGS=--quick for a look
	$(BIN)/python tests/bench/run.py $(BENCH_FLAGS)

# --- checks ---------------------------------------------------------------------------------------------------------

# What keeps one core busy goes beside something that keeps another; the tests know themselves how many they use.
TOGETHER := $(MAKE) --no-print-directory --jobs=2 --output-sync=target
test: ## set up, then every check below
	@$(TOGETHER) setup-dev
	@$(TOGETHER) lint types
	@$(MAKE) --no-print-directory --jobs=1 rust-test
	@$(MAKE) --no-print-directory --jobs=1 py-test
	@$(MAKE) --no-print-directory --jobs=1 nb-test

lint: setup-dev ## formatting and lints of Python, notebooks and Rust
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(CARGO) fmt --manifest-path native/Cargo.toml --all --check
	$(CARGO) clippy $(CARGO_MANIFEST) $(CARGO_FEATURES) --workspace --all-targets -- -D warnings

types: setup-dev ## strict types, and the stub of the native module against the built one
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest omni_lab._native --mypy-config-file pyproject.toml

rust-test: setup-dev ## tests of the Rust crates
	$(CARGO) test $(CARGO_MANIFEST) $(CARGO_FEATURES) --workspace --quiet

py-test: setup-dev ## tests of the package; pictures of screens are kept in build/pictures
	$(BIN)/python -m pytest -p no:nbval --dist loadgroup -n $(WORKERS) --artefacts=build/pictures

# A lake of their own, so that notebooks neither read nor change what somebody has ingested. The cells of one notebook
# must stay on one worker.
NBVAL_FLAGS := --nbval-lax --nbval-current-env --dist loadfile
nb-test: setup-dev ## every notebook from top to bottom; marked outputs must not have changed
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && \
	  OMNI_LAB_HOME="$$home" $(BIN)/python -m pytest $(NBVAL_FLAGS) -n $(WORKERS) notebooks

# A stable toolchain has all that libFuzzer needs: the pass that counts coverage, and assertions in an optimised build. The name of
# the target keeps the counters out of build scripts. What is found is kept in native/target/fuzz.
FUZZ_SECONDS ?= 720
FUZZ_TARGETS ?= books codec commands engine itch journal sessions snapshot
FUZZ_FLAGS ?=
COVERAGE := -Cpasses=sancov-module $(addprefix -Cllvm-args=-sanitizer-coverage-,level=4 inline-8bit-counters pc-table trace-compares)
fuzz: ## an hour of libFuzzer; FUZZ_TARGETS=journal FUZZ_SECONDS=60 for a minute of one
	@$(NEEDS_CARGO)
	@set -e; kept=$(abspath native/target/fuzz); host=$$(rustc -vV | sed -n 's/^host: //p'); \
	for target in $(FUZZ_TARGETS); do \
	  mkdir -p "$$kept/$$target" "$$kept/broke-$$target"; \
	  RUSTFLAGS="$(COVERAGE)" $(CARGO) run $(CARGO_MANIFEST) --target "$$host" --profile fuzz \
	    --package omni-fuzz --features libfuzzer --bin "$$target" -- \
	    "$$kept/$$target" native/fuzz/seeds/$$target -artifact_prefix="$$kept/broke-$$target/" \
	    -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=20 -print_final_stats=1 $(FUZZ_FLAGS); \
	done

notebooks: setup-dev ## run the notebooks and write their outputs again; the way to accept a new result
	$(BIN)/python -m tests.notebooks.refresh

format: setup-dev ## rewrite Python and Rust sources in the house's format
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format
	$(CARGO) fmt --manifest-path native/Cargo.toml --all

# --- the environment ------------------------------------------------------------------------------------------------

setup-dev: $(VENV)/.ok-dev $(VENV)/.ok-native

NEEDS_CARGO = command -v $(CARGO) >/dev/null || { \
  echo "OmniLab's engine is built from Rust, and '$(CARGO)' is not on the PATH. Install a stable toolchain (rustup)." >&2; \
  exit 1; }

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "OmniLab needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo not there)." >&2; \
	  echo "Name another one: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(NEEDS_CARGO)
	$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.ok-uv: $(LOCKS)/uv.txt | $(BIN)/pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# The development lock holds the same versions as the lighter one and more: going from one to the other only adds.
$(VENV)/.ok-run: $(LOCKS)/run.txt $(VENV)/.ok-uv
	$(BIN)/uv pip install --require-hashes -r $<
	@touch $@

$(VENV)/.ok-dev: $(LOCKS)/dev.txt $(VENV)/.ok-run
	$(BIN)/uv pip install --require-hashes -r $<
	@touch $@

$(VENV)/.ok-native: pyproject.toml $(NATIVE_SOURCES) $(VENV)/.ok-run
	@$(NEEDS_CARGO)
	$(BIN)/maturin develop --release --locked --uv
	@touch $@

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate --no-emit-index-url

lock: $(VENV)/.ok-uv ## remake the locks from pyproject.toml; LOCK_FLAGS=--upgrade takes the newest versions
	$(COMPILE) $(LOCK_FLAGS) --group bootstrap --output-file $(LOCKS)/uv.txt
	$(COMPILE) $(LOCK_FLAGS) pyproject.toml --group build --all-extras --output-file $(LOCKS)/dev.txt
	$(COMPILE) pyproject.toml --group build --extra samples --constraint $(LOCKS)/dev.txt --output-file $(LOCKS)/run.txt
	$(COMPILE) $(LOCK_FLAGS) tests/bench/requirements.in --output-file $(LOCKS)/bench.txt
	$(COMPILE) $(LOCK_FLAGS) --no-deps tests/oracle/requirements.in --output-file $(LOCKS)/hft.txt

clean: ## remove the environment, builds and caches; data/ stays
	rm -rf $(VENV) .venv-bench .venv-hft native/target .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
	rm -f omni_lab/_native*.so
	find omni_lab tests notebooks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
