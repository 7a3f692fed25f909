# A bare Debian with python3 and make is enough; everything else is fetched by these rules.
# Where from is pip's and apt's own business: their settings come from the environment.

PYTHON ?= python3
export PYTHON

VENV_PYTHON := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help lab test quick soak bench bench-full bench-page lint format attacks-table wheel clean venv

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

lab: ## start JupyterLab from this checkout; options: make lab ARGS="--no-browser --port 9999"
	@sh tools/lab.sh $(ARGS)

test: ## set everything up and run all checks and tests; some: make test ONLY="store web"
	@$(PYTHON) tools/system_parts.py
	@$(PYTHON) tools/make_venv.py test
	@$(VENV_PYTHON) tools/run_tests.py $(ONLY)

quick: venv ## style, types, floors, unit and web tests: under 90 seconds
	@$(VENV_PYTHON) tools/run_tests.py quick

soak: ## what takes hours, for every night: long attacks, floods, fuzzing, mutants; some: make soak ONLY="attacks"
	@$(PYTHON) tools/system_parts.py
	@$(PYTHON) tools/make_venv.py soak
	@$(VENV_PYTHON) tools/run_tests.py --soak $(ONLY)

bench: ## measure all goals beside Jupyter's own login and the peers, in 15 minutes; some: make bench ONLY="million"
	@$(PYTHON) tools/system_parts.py
	@$(PYTHON) tools/make_venv.py bench
	@$(VENV_PYTHON) -m benchmarks $(ONLY)

bench-full: ## the same with more rounds and sizes: two hours
	@$(PYTHON) tools/system_parts.py
	@$(PYTHON) tools/make_venv.py bench
	@$(VENV_PYTHON) -m benchmarks --full $(ONLY)

bench-page: ## write docs/reference/performance.md and its charts from what was measured last
	@$(PYTHON) tools/make_venv.py bench
	@$(VENV_PYTHON) -m benchmarks.page

lint: venv ## check style, types and floors
	@$(VENV_PYTHON) tools/run_tests.py lint types floors

format: venv ## put the code into shape
	@$(VENV_PYTHON) -m ruff check --fix-only --exit-zero
	@$(VENV_PYTHON) -m ruff format

attacks-table: venv ## write docs/reference/attacks.md from the names of the tests
	@$(VENV_PYTHON) tools/attack_table.py

wheel: venv ## build the wheel and the sdist into dist/
	@rm -rf dist
	@$(VENV_PYTHON) -m build

clean: ## remove everything that these rules made
	rm -rf .venv .test-logs dist build mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@$(PYTHON) tools/make_venv.py test
