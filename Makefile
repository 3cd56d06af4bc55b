# Every target sets up what it needs, through .venv.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

CORES ?= 2
LOCK_FLAGS ?=
# The first Python that pyproject.toml allows and that can make a virtual environment.
PYTHON ?= $(shell for python in python3.11 python3.12 python3; do \
	$$python -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null \
	&& echo $$python && break; done)
NEED_PYTHON = test -n "$(PYTHON)" || { echo "error: found no Python 3.11 or 3.12 with venv, install one or name it: make PYTHON=..." >&2; exit 1; }

SNAKEMAKE := .venv/bin/snakemake --configfile config/demo.yaml
DEMO := results/demo
# The demo's network is too small to keep several cores busy: one fold a core is faster.
DEMO_THREADS := --set-threads train=1 score=1

.PHONY: help
help: ## list the targets
	@echo "usage: make TARGET [CORES=$(CORES)] [PYTHON=python3.11]"
	@awk -F ':.*## ' '/^[.a-z][a-z-]*:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: .venv
.venv: .venv/installed ## make the Python environment of the other targets from requirements/dev.txt

# The stamp comes last: an installation that was killed starts anew.
.venv/installed: requirements/dev.txt
	@$(NEED_PYTHON)
	@rm -f $@
	$(PYTHON) -m venv --clear .venv
	.venv/bin/python -m pip install --disable-pip-version-check --quiet --compile --require-hashes -r $<
	@touch $@

.PHONY: demo
demo: .venv ## run the workflow on synthetic recordings and write its report (minutes, no GPU)
	$(SNAKEMAKE) --cores $(CORES) $(DEMO_THREADS) --quiet host reason \
	--report $(DEMO)/report.html --report-stylesheet workflow/report/report.css --report-after-run
	@echo
	@echo "report:   $(DEMO)/report.html"
	@echo "figures:  $(DEMO)/main/figures/"
	@echo "metrics:  $(DEMO)/main/metrics.json"

.PHONY: test
test: .venv ## run the tests of the library and of the workflow
	.venv/bin/pytest -n $(CORES) --dist loadfile

# What both need: SLURM's packages, if they can be had, and Snakemake's plugins for clusters.
.PHONY: .slurm
.slurm: .venv
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! dpkg -s slurm-wlm munge rsync >/dev/null 2>&1; then \
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq slurm-wlm munge rsync; } >/dev/null \
	|| echo "warning: SLURM and rsync could not be installed, their tests will be skipped" >&2; fi
	.venv/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements/cluster.txt

.PHONY: slurm-test
slurm-test: .slurm ## run the workflow on a SLURM of this machine (Debian, root: installs slurm-wlm, munge, rsync)
	.venv/bin/pytest -n $(CORES) --dist loadfile tests/cluster tests/workflow/test_readme_commands.py

.PHONY: slurm-demo
slurm-demo: .slurm ## run the demo there and here, which have to come to the same (a quarter of an hour)
	.venv/bin/pytest -m long tests/cluster

.PHONY: lint
lint: .venv ## check the code of the library and of the workflow
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/snakefmt --check Snakefile workflow
	$(SNAKEMAKE) --lint

.PHONY: benchmark
benchmark: .venv ## run every program in benchmarks/
	@shopt -s nullglob; programs=(benchmarks/*.py); \
	if [ $${#programs[@]} -eq 0 ]; then echo "benchmarks/ holds no program"; fi; \
	for program in "$${programs[@]}"; do \
	echo "== $$program"; PYTHONPATH=workflow/scripts .venv/bin/python "$$program"; done

.PHONY: lock
lock: ## make requirements/ anew from pyproject.toml (newer versions: LOCK_FLAGS=--upgrade)
	@$(NEED_PYTHON)
	tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT; \
	$(PYTHON) -m venv "$$tools"; \
	"$$tools/bin/pip" install --disable-pip-version-check --quiet 'uv >=0.13'; \
	compile() { "$$tools/bin/uv" pip compile pyproject.toml --quiet --system-certs --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(LOCK_FLAGS) "$$@"; }; \
	compile --extra cpu --extra test --extra lint --extra benchmark --output-file requirements/dev.txt; \
	compile --extra cpu --constraints requirements/dev.txt --output-file requirements/cpu.txt; \
	compile --extra gpu --constraints requirements/dev.txt --output-file requirements/gpu.txt; \
	compile --extra cpu --extra cluster --constraints requirements/dev.txt --output-file requirements/cluster.txt

.PHONY: clean
clean: ## remove .venv, caches and the demo's files (other runs stay)
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis resources/demo results/demo logs/demo benchmarks-of-rules/demo
	find workflow tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
