# help is first: `make` alone prints what there is
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
# names of folders and files are UTF-8, whatever the locale
export PYTHONUTF8 := 1

.PHONY: help repro test paper tag report compare archive lab bench faults lint clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-8s %s\n", $$1, $$2}'

# rebuilt when the lock file's content changes; a build that was interrupted is started anew. The project itself is
# installed in editable form, so that `import nas` works from any folder
.venv/installed: requirements.lock
	@if [ -f $@ ] && sha256sum --check --status $@; then touch $@; else \
	  echo "building .venv from requirements.lock (several GB, minutes) ..."; \
	  rm -rf .venv && $(PYTHON) -m venv .venv && $(BIN)/pip install --quiet --require-hashes -r requirements.lock \
	  && $(BIN)/pip install --quiet --no-deps --no-build-isolation --editable . \
	  && sha256sum requirements.lock > $@; fi

repro: .venv/installed ## replicate: data, activations, superpixels, evaluation, report; ONLY=STAGE: what leads to it
	@$(BIN)/python -E -X utf8 -m commands.repro $(ONLY)
	@printf 'report: %s\n' "$$PWD/reports/site/index.html"

test: .venv/installed ## all tests
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder

paper: .venv/installed ## the paper's data sets and networks: says what it fetches, asks, then runs
	@$(BIN)/python -m commands.paper $(ANSWER)

tag: .venv/installed ## CLASS=bird: draw the clusters of a class, to be tagged as object or background
	@$(BIN)/python -m commands.tag "$(CLASS)" $(DATASET) $(CLASSIFIER)

report: .venv/installed ## draw the notebooks and the pages again, whatever changed
	@$(BIN)/dvc repro --force --single-item $$($(BIN)/dvc stage list --name-only | grep -E '^(render_|report)')
	@printf 'report: %s\n' "$$PWD/reports/site/index.html"

compare: .venv/installed ## A=main B=workspace: two revisions or experiments side by side, in reports/compare
	@$(BIN)/python -m commands.compare "$(A)" "$(B)"

archive: .venv/installed ## reports/archive.zip: the report and what made it, to be uploaded by hand
	@$(BIN)/python -m commands.archive

lab: .venv/installed ## open JupyterLab: your own photo, network, depths, k by sliders (notebooks/explore.ipynb)
	@$(BIN)/jupyter lab notebooks/explore.ipynb

bench: .venv/installed ## speed against references, and costs per photo: reports/benchmarks.json (half an hour)
	@$(BIN)/python -m benchmarks

faults: .venv/installed ## what it survives: kills, full disks, a registry that lies (15 minutes)
	@PYTHONPATH=.:tests $(BIN)/python -P tests/faults.py $(FAULTS)

lint: .venv/installed ## ruff, mypy, and the layers of the library
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-cache --no-logo

clean: ## remove work in progress; results and downloads stay in the DVC cache
	rm -rf data/scratch .pytest_cache .mypy_cache .ruff_cache .hypothesis
