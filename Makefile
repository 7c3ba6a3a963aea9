# Every target sets up what it needs inside .venv, once; `make` alone lists the targets.
# Needed beforehand: git, make and Python 3.11 or newer. Another interpreter: make PYTHON=/path/to/python test

.SHELLFLAGS := -eu -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip --disable-pip-version-check install -qq
PYTHONS := $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)
ARGS ?=
CONTRACT := tlv.market_data tlv.errors mycelium.errors mycelium.link.config configs actors configs/market_data.toml
SECONDS ?= 60
PYTHON_DEBUG ?= python3-dbg
SAY_TLV := $(BIN)/python -c 'from tlv.implementation import explanation; print("implementation of tlv:", explanation())' >&2
# What the compiled core is built from; without a compiler the install succeeds, and tlv runs on its twin in Python.
CORE := setup.py $(wildcard tlv/native/* mycelium/native/*) mycelium/bench/allocator_hook.c
TLV_TESTS := $(wildcard tests/test_tlv_*.py tests/test_frame_*.py) tests/test_batch.py tests/test_columns.py tests/test_market_data.py
MAIL_TESTS := $(patsubst %,tests/test_%.py,actor bounds inbox inbox_in_bulk ledger mailbox queue ref router source)

.PHONY: help demo demo-cluster demo-hosts test lint format format-check types coverage contract contract-lock kaitai wheel site bench bench-peers check asan debug fuzz leaks soak faults counters clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.runtime ## run the market-data topology on simulated venues (ARGS="--speed 1x" and the like)
	@$(BIN)/mycelium run configs/market_data.toml $(ARGS)

demo-cluster: $(VENV)/.dev ## run the same topology on four nodes, each a process of this host
	@$(BIN)/mycelium run configs/market_data_cluster.toml $(ARGS)

demo-hosts: $(VENV)/.dev ## the same on four hosts, each a network namespace of this one; ALL_HERE=loopback where that is not allowed
	@$(BIN)/mycelium run configs/market_data_hosts.toml --all-here $(or $(ALL_HERE),namespaces) $(ARGS)

test: $(VENV)/.dev ## run the test suite on every implementation of tlv (ARGS="-k frame" and the like)
	@$(BIN)/python -m pytest --twins $(ARGS)

lint: $(VENV)/.dev ## look for faults in style and habit
	@$(BIN)/ruff check .

format: $(VENV)/.dev ## format the code, and mend what lint can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

format-check: $(VENV)/.dev ## fail where `make format` would change something
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev ## check the types, strictly
	@$(BIN)/mypy

coverage: $(VENV)/.dev ## run the test suite and measure branch coverage
	@$(BIN)/python -m pytest --twins --dist each --cov --cov-report=term $(ARGS)

contract: $(VENV)/.dev ## say what the code breaks of what contract.lock promises (ARGS="--against main" and the like)
	@$(BIN)/mycelium contract check $(ARGS)

contract-lock: $(VENV)/.dev ## promise what the code has now: write contract.lock anew
	@$(BIN)/mycelium contract lock $(CONTRACT)

kaitai: $(VENV)/.dev ## fetch the compiler of Kaitai with npm, so that the tests read vectors with what it makes
	@npm install --silent --no-fund --no-audit --prefix $(VENV)/kaitai kaitai-struct-compiler@0.11 js-yaml@4

wheel: $(VENV)/.dev ## build the source distribution and, from it, the wheel
	@rm -rf dist build
	@$(BIN)/python -m build --outdir dist . >$(VENV)/build.log 2>&1 || { cat $(VENV)/build.log; exit 1; }
	@ls dist/*

site: $(VENV)/.dev ## build the documentation as a site, into build/site
	@$(BIN)/python -c 'import mkdocs, mkdocstrings' 2>/dev/null || $(PIP_INSTALL) -e '.[docs]'
	@$(BIN)/python -m site_build build/pages
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs --quiet build $(ARGS)
	@echo "build/site/index.html"

bench: $(VENV)/.dev ## run all benches (`mycelium bench` is the short form)
	@$(BIN)/python -m pytest benches --benchmark-only $(ARGS)

bench-peers: $(VENV)/.peers ## run all benches beside msgspec, protobuf, flatbuffers, pycapnp, databento-dbn, construct and NautilusTrader
	@$(BIN)/python -m pytest benches --benchmark-only $(ARGS)

check: lint format-check types test ## what to run before a commit

asan: $(VENV)/.dev ## run the tests of messages and mail on the compiled cores under AddressSanitizer and UBSan
	@MYCELIUM_SANITIZE=1 MYCELIUM_WERROR=1 $(BIN)/python setup.py -q build --build-base build/asan --build-lib build/asan/lib >build/asan.log 2>&1 \
	  || { cat build/asan.log; exit 1; }
	@LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" \
	  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 PYTHONMALLOC=malloc PYTHONPATH=build/asan/lib MYCELIUM_TLV=native \
	  $(BIN)/python -m pytest -o pythonpath="build/asan/lib ." $(TLV_TESTS) $(MAIL_TESTS) $(ARGS)

# Extensions are built for its own ABI, beside the others; packages are those of .venv, so it must be of the same version.
debug: $(VENV)/.dev ## run the tests of messages and mail on the compiled cores under a debug build of Python (PYTHON_DEBUG=...)
	@export PYTHONPATH="$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"; \
	$(PYTHON_DEBUG) -c 'import annotated_types, sys; sys.gettotalrefcount()' || { \
	  echo "make debug needs a debug build of the Python in .venv, $$($(BIN)/python --version): PYTHON_DEBUG=/path/to/python" >&2; \
	  echo "Debian and Ubuntu have one for their own Python, python3-dbg: make clean; make PYTHON=/usr/bin/python3 debug" >&2; exit 1; }; \
	mkdir -p build; \
	MYCELIUM_WERROR=1 $(PYTHON_DEBUG) setup.py -q build_ext --force --inplace --build-temp build/debug >build/debug.log 2>&1 \
	  || { cat build/debug.log; exit 1; }; \
	MYCELIUM_TLV=native $(PYTHON_DEBUG) -X dev -m pytest -p no:cacheprovider $(TLV_TESTS) $(MAIL_TESTS) $(ARGS)

fuzz: $(VENV)/.dev ## hostile input under the sanitizers for 60 seconds (SECONDS=600 for longer); needs clang and atheris
	@$(BIN)/python -m fuzz --seconds $(SECONDS) $(ARGS)

leaks: $(VENV)/.dev ## 10 million operations of each kind: memory must not grow (ARGS=100000 for a short run)
	@MYCELIUM_TLV=native $(BIN)/python benches/leaks.py $(ARGS)

soak: $(VENV)/.dev ## the example topology with crashes, restarts and overflows for 60 seconds: the ledger balances, memory is flat; then all faults (FAULTS="kill-books loss", or none)
	@$(BIN)/python -m benches.soak --seconds $(SECONDS) $(ARGS)
	@test "$(FAULTS)" = none || $(BIN)/python -m benches.faults $(FAULTS)

faults: $(VENV)/.dev ## kill, stop, starve and cut off the nodes of the example topology, one fault at a time (ARGS="kill-books loss")
	@$(BIN)/python -m benches.faults $(ARGS)

counters: $(VENV)/.dev ## instructions and cache misses of a message: not more than docs/counters.md records (ARGS="--only field")
	@$(BIN)/mycelium bench --counters --check docs/counters.md $(ARGS)

clean: ## remove .venv and everything that was built
	@rm -rf $(VENV) tlv/*.so mycelium/*.so mycelium/bench/*.so build dist *.egg-info .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A candidate counts only when it really runs: version managers leave a python3.13 on the path that starts nothing.
$(VENV)/.python:
	@for python in $(PYTHONS); do \
	  if "$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    echo "setting up $(VENV) with $$("$$python" --version)" >&2; \
	    "$$python" -m venv --clear $(VENV); touch $@; exit 0; \
	  fi; \
	done; \
	echo "make: no Python 3.11 or newer, with its venv module, among: $(PYTHONS)" >&2; \
	echo "Install one (on Debian and Ubuntu: python3 and python3-venv), or name it: make PYTHON=/path/to/python ..." >&2; \
	exit 1

# The demo waits for what it needs to run, and for no more; the developer's set includes it.
$(VENV)/.runtime: pyproject.toml $(CORE) | $(VENV)/.python
	@echo "installing mycelium and what it needs to run" >&2
	@$(PIP_INSTALL) -e .
	@$(SAY_TLV)
	@touch $@

$(VENV)/.dev: pyproject.toml $(CORE) | $(VENV)/.python
	@echo "installing mycelium and what it takes to develop it" >&2
	@$(PIP_INSTALL) -e '.[dev]'
	@$(SAY_TLV)
	@touch $(VENV)/.runtime $@

$(VENV)/.peers: $(VENV)/.dev
	@echo "installing those whom the benches measure ours beside" >&2
	@$(PIP_INSTALL) -e '.[peers]'
	@touch $@
