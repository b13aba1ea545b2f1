# Everyday commands; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ONNX_STAMP := $(VENV)/.installed-onnx
PORT ?= 8501
MODEL ?=
IMAGES ?=
PREDICTIONS ?=
CLASSES ?=
GROUPS ?=
ARCHITECTURE ?=
SPLIT ?=

.DEFAULT_GOAL := help
.PHONY: help setup onnx run test check format bench sample pets clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

setup: $(STAMP) ## Make .venv with the pinned packages

$(STAMP): requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Errorscope needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	touch $@

onnx: setup $(ONNX_STAMP) ## Add ONNX Runtime to .venv, for int8 and .onnx files (about 110 MB)

$(ONNX_STAMP): requirements-export.lock $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -r requirements-export.lock
	touch $@

run: setup ## Open the app (MODEL=file IMAGES=folder-or-table, or PREDICTIONS=table, else the sample; PORT=8501)
	$(BIN)/python -m streamlit run app.py --server.port $(PORT) --server.headless $(if $(DISPLAY)$(WAYLAND_DISPLAY)$(findstring Darwin,$(shell uname -s)),false,true) -- \
		$(if $(MODEL),--model "$(MODEL)") $(if $(PREDICTIONS),--predictions "$(PREDICTIONS)") $(if $(IMAGES),--images "$(IMAGES)") $(if $(CLASSES),--classes "$(CLASSES)") \
		$(if $(GROUPS),--groups "$(GROUPS)") $(if $(ARCHITECTURE),--architecture "$(ARCHITECTURE)") $(if $(SPLIT),--split "$(SPLIT)")

test: onnx ## Run all tests (browser tests too, where Chromium is found)
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

check: setup ## Lint, format check, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## Rewrite the code in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## Measure speed (ratios within one run), into benchmarks/output/
	for script in benchmarks/[a-z]*.py; do $(BIN)/python -m "benchmarks.$$(basename $$script .py)" || exit 1; done

sample: setup ## Rebuild the sample images and retrain the sample checkpoint
	$(BIN)/python -m sample_data.builder
	$(BIN)/python -m sample_data.train

pets: setup ## Fetch the Oxford-IIIT Pet set into pets/ (needs internet)
	$(BIN)/python -m sample_data.oxford_pets --output pets

clean: ## Remove .venv and caches (not the workspace .errorscope/)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
