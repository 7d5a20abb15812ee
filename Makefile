# Every command sets up what it needs in .venv, with plain venv and pip, and nothing outside it.

# Which Python makes the .venv: python3 unless said otherwise, e.g. `make PYTHON=python3.12 test`.
PYTHON ?=
# How many tests run at once: one per core, but no more than eight, which is where memory goes first.
JOBS ?= auto

export PYTHON
BIN = .venv/bin
SETUP = @sh .ci/venv
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --maxprocesses 8

.DEFAULT_GOAL := help
.NOTPARALLEL: # two targets must not install into the same .venv at once
.PHONY: help demo test test-full lint format bench docs audio clean

help: ## list these commands
	@echo "usage: make COMMAND        (the environment is set up on first use, in .venv)"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '%-13s %s\n' "$$name" "$$text"; \
	done

demo: ## put a hall on a spoken sentence and say where the file is
	$(SETUP)
	@$(BIN)/ltisys demo

test: ## run the tests, without the heavy tier
	$(SETUP) test
	$(PYTEST) -m "not slow"

test-full: ## run all tests
	$(SETUP) test
	$(PYTEST)

lint: ## check style (ruff) and types (mypy), change nothing
	$(SETUP) dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: ## sort imports and format the code
	$(SETUP) dev
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .

bench: ## measure against the peers and write the tables to benchmarks/results/
	$(SETUP) bench
	$(BIN)/python -m benchmarks

docs: ## build the documentation (comes later)
	@echo "The documentation site comes later; until then: README.md, and help(ltisys) in Python."

audio: ## make the sounds and responses in audio/ anew
	$(SETUP)
	$(BIN)/python audio/make_audio.py

clean: ## remove .venv, caches and builds
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
