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

# A run is many short programs, which need not compile the library each time.
unexport PYTHONDONTWRITEBYTECODE

SNAKEMAKE := .venv/bin/snakemake --configfile config/demo.yaml
DEMO := results/demo

.PHONY: help
help: ## list the targets
	@echo "usage: make TARGET [CORES=$(CORES)] [PYTHON=python3.11]"
	@awk -F ':.*## ' '/^[.a-z][a-z-]*:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# What an environment costs: packages, download, disk. tests/unit/test_packaging.py holds these against the lock files.
DEMO_COSTS := 107 packages, 0.5 GB to fetch, 1.8 GB of disk
DEV_COSTS := 22 packages, 0.2 GB to fetch, 0.8 GB of disk

# A lock file holds all that it needs, so that pip has nothing to resolve: focal-loss asks for `tensorflow`, and its
# build for processors alone, tensorflow-cpu, goes by another name.
INSTALL := .venv/bin/python -m pip install --disable-pip-version-check --no-deps --no-compile --require-hashes

# Compiled here and not by pip: on all cores, and without the packages' own tests, a quarter of it. It is not left to the
# first use either, as PYTHONDONTWRITEBYTECODE may be set: importing TensorFlow then takes three times as long, each time.
# A file that is no Python of this version (a template, say) is no failure.
COMPILE := .venv/bin/python -m compileall -qq -j 0 -x '/tests?/' .venv/lib || true

# An environment grows from the demo's to that of every target, and to the tests'. Each stamp comes last: an
# installation that was killed starts anew. TensorFlow's C++ headers, for building operations of one's own, are a sixth.
.venv/demo: requirements/demo.txt
	@$(NEED_PYTHON)
	@echo "Installing into .venv what the demo needs: $(DEMO_COSTS)."
	$(PYTHON) -m venv --clear .venv
	$(INSTALL) -r $<
	@rm -rf .venv/lib/python*/site-packages/tensorflow/include
	@$(COMPILE)
	@touch $@

.venv/cpu: requirements/cpu.txt .venv/demo
	$(INSTALL) -r $<
	@$(COMPILE)
	@touch $@

.venv/dev: requirements/dev.txt .venv/cpu
	@echo "Installing into .venv what tests and checks need beside: $(DEV_COSTS)."
	$(INSTALL) -r $<
	@$(COMPILE)
	@touch $@

.PHONY: install
install: .venv/cpu ## make the Python environment of every target of the workflow, films among them, without a GPU

.PHONY: .venv
.venv: .venv/dev ## make the Python environment of test, lint and benchmark

.PHONY: demo
demo: .venv/demo ## run the workflow on synthetic recordings and write its report (minutes, no GPU)
	$(SNAKEMAKE) --cores $(CORES) --quiet host reason \
	--report $(DEMO)/report.html --report-stylesheet workflow/report/report.css --report-after-run
	@echo
	@echo "report:   $(DEMO)/report.html"
	@echo "figures:  $(DEMO)/main/figures/"
	@echo "metrics:  $(DEMO)/main/metrics.json"

# In the order of pyproject.toml, so that what takes longest is not left for the end.
PYTEST := .venv/bin/pytest -n $(CORES) --dist loadfile --no-loadscope-reorder

.PHONY: test
test: .venv ## run the tests of the library and of the workflow
	$(PYTEST)

# What both need: SLURM's packages, if they can be had, and Snakemake's plugins for clusters.
.PHONY: .slurm
.slurm: .venv
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! dpkg -s slurm-wlm munge rsync >/dev/null 2>&1; then \
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq slurm-wlm munge rsync; } >/dev/null \
	|| echo "warning: SLURM and rsync could not be installed, their tests will be skipped" >&2; fi
	$(INSTALL) --quiet -r requirements/cluster.txt
	@$(COMPILE)

# One after the other: a second process would find the machine's SLURM taken, and its tests would be skipped.
ON_SLURM := tests/cluster/test_slurm.py tests/cluster/test_commands.py

.PHONY: slurm-test
slurm-test: .slurm ## run the workflow on a SLURM of this machine (Debian, root: installs slurm-wlm, munge, rsync)
	.venv/bin/pytest $(ON_SLURM)
	$(PYTEST) tests/cluster $(ON_SLURM:%=--ignore=%)

.PHONY: slurm-demo
slurm-demo: .slurm ## run the demo there and here, which have to come to the same (a quarter of an hour)
	.venv/bin/pytest -m long tests/cluster

.PHONY: lint
lint: .venv ## check the code of the library and of the workflow
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/snakefmt --check Snakefile workflow
	$(SNAKEMAKE) --lint

.PHONY: docs
docs: .venv/demo ## write anew what is generated: the settings' schema and table, README's table of figures
	PYTHONPATH=workflow/scripts .venv/bin/python -m wfci_sleep.run.document_settings
	PYTHONPATH=workflow/scripts .venv/bin/python -m wfci_sleep.report.document_figures

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
	on_cpu() { compile requirements/tensorflow-cpu.in --override requirements/tensorflow-cpu.in --extra cpu "$$@"; }; \
	on_cpu --extra movies --extra test --extra lint --extra benchmark --output-file requirements/dev.txt; \
	on_cpu --constraints requirements/dev.txt --output-file requirements/demo.txt; \
	on_cpu --constraints requirements/dev.txt --extra movies --output-file requirements/cpu.txt; \
	on_cpu --constraints requirements/dev.txt --extra movies --extra cluster --output-file requirements/cluster.txt; \
	compile --constraints requirements/cluster.txt --extra gpu --extra movies --output-file requirements/gpu.txt; \
	compile --constraints requirements/cluster.txt --extra gpu --extra movies --extra cluster \
	--output-file requirements/cluster-gpu.txt

.PHONY: clean
clean: ## remove .venv, caches and the demo's files (other runs stay)
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis resources/demo results/demo logs/demo benchmarks-of-rules/demo
	find workflow tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
