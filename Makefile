# Cubelog's daily commands; `make` alone lists them. Each does all the set-up that it needs.
#
# Every build here is `cargo build -p cubelog-cli` or `cargo test --workspace`: the binary depends on every crate, so both
# resolve to the same features, and nothing is compiled twice. Building another package alone would compile half of the
# dependencies again with fewer features. All of it uses the dev profile, which is optimised (see Cargo.toml), benchmarks
# included: one cold build of the large dependencies serves the demo, the tests and the numbers.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

TARGET := $(or $(CARGO_TARGET_DIR),target)
CUBELOG := $(TARGET)/debug/cubelog
# Handed to cargo test as they are, for example: make test TEST_FLAGS=--no-fail-fast
TEST_FLAGS ?=

# Runs the rest of a command line beside a real Kafka broker where this machine can start one; $(KAFKA_MISSING) says why not.
# The peers' Python, where `make peers` was run.
ifneq ($(wildcard $(TARGET)/peers/bin/python),)
export CUBELOG_BENCH_PYTHON ?= $(TARGET)/peers/bin/python
endif

WITH_KAFKA := deploy/kafka/run --exec
KAFKA_MISSING = $$(deploy/kafka/run --check 2>&1 || true)

.PHONY: help setup models build demo test test-fast bench peers lint fmt clean-data

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install the system packages that the build needs, if any is missing
	@deploy/setup

models: setup ## fetch and verify the models: the encoder, and a small decoder
	@deploy/models/fetch all

build: setup ## build the binary, target/debug/cubelog (optimised, see the top of the Makefile)
	cargo build --locked -p cubelog-cli

demo: build models ## ingest sample conversations, search, look back, replay and verify
	@$(CUBELOG) demo

test: models ## run all tests, with a real Kafka broker where Java 17 and Maven exist
	@missing="$(KAFKA_MISSING)"; \
	if [ -z "$$missing" ]; then \
	    CUBELOG_REQUIRE_KAFKA=1 CUBELOG_REQUIRE_MODELS=1 $(WITH_KAFKA) cargo test --workspace --locked $(TEST_FLAGS); \
	else \
	    status=0; \
	    CUBELOG_REQUIRE_MODELS=1 cargo test --workspace --locked $(TEST_FLAGS) || status=$$?; \
	    printf '\nSKIPPED: the tests against a Kafka broker. %s\n         deploy/setup --kafka installs what they need.\n' "$$missing"; \
	    exit $$status; \
	fi

test-fast: models ## run all tests but those against Kafka
	env -u CUBELOG_KAFKA_BOOTSTRAP -u CUBELOG_REQUIRE_KAFKA CUBELOG_REQUIRE_MODELS=1 cargo test --workspace --locked $(TEST_FLAGS)

bench: build models ## measure, beside peers where there are any; writes target/bench.json
	@missing="$(KAFKA_MISSING)"; \
	if [ -z "$$missing" ]; then \
	    $(WITH_KAFKA) $(CUBELOG) bench --out $(TARGET)/bench.json; \
	else \
	    $(CUBELOG) bench --out $(TARGET)/bench.json; \
	    printf '\nSKIPPED: the measurements against a Kafka broker. %s\n' "$$missing"; \
	fi

peers: ## install what `make bench` measures beside us, for the benchmark only (PyTorch, sentence-transformers, PEFT, llama.cpp; about 1.5 GB)
	python3 -m venv $(TARGET)/peers
	$(TARGET)/peers/bin/pip install --quiet 'sentence-transformers>=5' 'torch>=2.6' 'peft>=0.17' 'llama-cpp-python>=0.3.16'

lint: setup ## check formatting and clippy (which checks all dependencies once more, in its own way)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

fmt: ## format the code
	cargo fmt --all

clean-data: ## remove what demo and bench wrote under target/; your own data directories stay
	rm -rf -- $(TARGET)/demo $(TARGET)/bench $(TARGET)/bench.json
