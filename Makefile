# What one does in this repository. `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The Python that makes the environments: any from 3.11 on that TensorFlow has wheels for.
PYTHON ?= python3
VENV ?= .venv
# Worker processes of the tests. Each loads TensorFlow: 6 s and 700 MB.
WORKERS ?= 2
# Benchmarks that `make bench` runs: names of files in benchmarks/.
BENCH ?= engine layers
# Files that `make fuzz` changes.
FILES ?= 10000
# What pip installs as torch, and where it looks beside PyPI. On Linux PyPI's own build brings 3 GB
# for GPUs; TORCH_INDEX=https://download.pytorch.org/whl/cpu leaves them out.
TORCH ?= torch
TORCH_INDEX ?=
# Tests that every Keras backend runs, and the few that a change has to pass on JAX.
BACKEND_TESTS ?= tests/layers tests/engine/test_portable.py tests/engine/test_backends.py \
  tests/test_every_network.py tests/members/test_finetuning.py
# Tests of the compiled engine that are not about TensorFlow itself.
JAX_TESTS ?= tests/engine/test_compiled_jax.py tests/engine/test_choice.py tests/engine/test_callbacks.py \
  tests/engine/test_class_metrics.py tests/engine/test_failures.py tests/engine/test_metrics.py \
  tests/engine/test_plan.py tests/engine/test_threads.py
QUICK_BACKEND_TESTS ?= tests/engine/test_backends.py tests/layers/test_attention.py \
  tests/engine/test_compiled_jax.py::test_a_grid_of_learning_rates_is_traced_once

# The backend that `make test-alone` installs, as pip names it: jax, torch, tensorflow-cpu.
BACKEND ?= jax

# The Python of the oldest versions, for which it needs wheels, and the tests that a change has to
# pass with them.
OLDEST_PYTHON ?= $(PYTHON)
# mypy, which test_types runs, is none of them.
OLDEST_TESTS ?= tests skconvattn --ignore=tests/test_types.py
QUICK_OLDEST_TESTS ?= tests/test_versions.py tests/test_contributing.py tests/layers/test_every_layer.py \
  tests/persistence/test_saving.py tests/estimators/test_class_weight.py \
  tests/forecasting/test_forecaster.py

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP_INSTALL := -m pip install --quiet --quiet --disable-pip-version-check --no-input
PYTEST := $(BIN)/python -m pytest

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  PYTHON=python3.12 picks the Python, WORKERS=4 the number of test processes."

.PHONY: venv
venv: $(STAMP) ## Set up .venv; done once, and again when pyproject.toml changes

$(STAMP): pyproject.toml
	$(call new_venv,$(VENV),[dev],3 GB)

.PHONY: demo
demo: $(STAMP) ## Forecast two real series, print a table and draw a picture
	@$(BIN)/python examples/forecast_airline.py

.PHONY: test
test: $(STAMP) ## Run the tests, and of exhaustive grids a part
	@$(PYTEST) -n $(WORKERS) --dist worksteal -m "not slow and not exhaustive"

.PHONY: test-all
test-all: $(STAMP) ## Run the tests with the exhaustive grids, as .ci/run does
	@$(PYTEST) -n $(WORKERS) --dist worksteal -m "not slow"

.PHONY: test-slow
test-slow: $(STAMP) ## Run the tests that take minutes and that the others leave out
	@$(PYTEST) -n $(WORKERS) --dist worksteal -m slow

.PHONY: coverage
coverage: $(STAMP) ## Measure which lines of the package test-all runs
	@$(PYTEST) -n $(WORKERS) --dist worksteal -m "not slow" --cov --cov-report=term

.PHONY: lint
lint: $(STAMP) ## Check format, style and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy skconvattn

.PHONY: format
format: $(STAMP) ## Format the code and sort its imports
	@$(BIN)/ruff check --quiet --fix --exit-zero --select I .
	@$(BIN)/ruff format .

.PHONY: conformance-full
conformance-full: $(STAMP) ## Run every conformance suite, the slow parts as well
	@$(PYTEST) -n $(WORKERS) --dist worksteal tests/test_conformance.py tests/adapters tests/distributed/test_dask.py

.PHONY: test-backends test-jax test-jax-quick test-torch
test-backends: test-jax test-torch ## Run layer, engine and estimator tests on JAX and torch

test-jax: .venv-jax/.installed
	@echo "Tests on JAX:"
	@KERAS_BACKEND=jax .venv-jax/bin/python -m pytest $(BACKEND_TESTS) $(JAX_TESTS)

test-jax-quick: .venv-jax/.installed ## Run the quick part of the tests on JAX
	@echo "Quick tests on JAX:"
	@KERAS_BACKEND=jax .venv-jax/bin/python -m pytest -n $(WORKERS) --dist worksteal $(QUICK_BACKEND_TESTS)

test-torch: .venv-torch/.installed
	@echo "Tests on torch:"
	@KERAS_BACKEND=torch .venv-torch/bin/python -m pytest $(BACKEND_TESTS)

.venv-jax/.installed: $(STAMP)
	$(call new_venv_beside,.venv-jax,[jax])

.venv-torch/.installed: $(STAMP)
	$(call new_venv_beside,.venv-torch,[torch],"$(TORCH)" $(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)"))

.PHONY: docs docs-images examples
docs: .venv-docs/.installed ## Build the documentation, gallery included, into docs/_build/html
	@.venv-docs/bin/python -m sphinx -b html -W --keep-going -q docs docs/_build/html
	@echo "Read docs/_build/html/index.html."

docs-images: $(STAMP) ## Draw the pictures that the README and the pages keep in the repository
	@$(BIN)/python examples/forecast_airline.py --output docs/images/forecast_airline.png
	@$(BIN)/python docs/images/draw_inside.py

examples: $(STAMP) ## Run every example that needs no files, without a display
	@for script in examples/plot_*.py; do \
	  case "$$script" in *plot_ucr.py|*plot_imdb.py) continue;; esac; \
	  echo "$$script"; MPLBACKEND=agg $(BIN)/python "$$script" || exit 1; done

.venv-docs/.installed: $(STAMP)
	$(call new_venv_beside,.venv-docs,[docs])

.PHONY: test-oldest test-oldest-quick
test-oldest: .venv-oldest/.installed ## Run the tests with the oldest versions that are supported
	@echo "Tests with the oldest versions:"
	@.venv-oldest/bin/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow and not exhaustive" $(OLDEST_TESTS)

test-oldest-quick: .venv-oldest/.installed ## Run a part of them, about two minutes
	@echo "Quick tests with the oldest versions:"
	@.venv-oldest/bin/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow and not exhaustive" $(QUICK_OLDEST_TESTS)

.venv-oldest/.installed: PYTHON := $(OLDEST_PYTHON)
.venv-oldest/.installed: pyproject.toml constraints-oldest.txt
	$(call new_venv,.venv-oldest,[test],3 GB,-c constraints-oldest.txt)

.PHONY: dist
dist: $(STAMP) ## Build wheel and source distribution in dist/, and check them
	@rm -rf dist
	@$(BIN)/python -m build --outdir dist . > dist.log || { cat dist.log; exit 1; }
	@rm -f dist.log
	@$(BIN)/twine check --strict dist/*

.PHONY: dist-core
dist-core: dist ## Build skconvattn-core, the same without TensorFlow among its dependencies
	@folder="$$(mktemp -d)" && tar xzf dist/skconvattn-*.tar.gz -C "$$folder" --strip-components=1 && \
	  $(BIN)/python tools/core.py "$$folder" && \
	  $(BIN)/python -m build --outdir dist "$$folder" > /dev/null && rm -rf "$$folder"
	@$(BIN)/twine check --strict dist/*

.PHONY: test-alone
test-alone: dist-core ## Fit every network with skconvattn-core beside BACKEND alone (jax, torch, tensorflow-cpu)
	@rm -rf .venv-alone
	@"$(PYTHON)" -m venv .venv-alone
	@.venv-alone/bin/python $(PIP_INSTALL) "$$(ls dist/skconvattn_core-*.whl)[plots]" pytest \
	  $(if $(filter torch,$(BACKEND)),"$(TORCH)" $(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)"),"$(BACKEND)")
	@.venv-alone/bin/python tools/alone.py "$(BACKEND:-cpu=)"
	@# Out of the clone, so that what is imported is what was installed.
	@folder="$$(mktemp -d)" && mkdir -p "$$folder/tests/members" && cp README.md setup.cfg "$$folder" && \
	  cp tests/conftest.py tests/estimator_params.py tests/test_every_network.py tests/test_readme.py "$$folder/tests" && \
	  cp tests/members/test_finetuning.py "$$folder/tests/members" && python="$$PWD/.venv-alone/bin/python" && \
	  cd "$$folder" && KERAS_BACKEND="$(BACKEND:-cpu=)" "$$python" -m pytest -k "not links" tests && rm -rf "$$folder"

.PHONY: release-check
release-check: dist ## Install the wheel in a fresh environment and run the README with it
	@rm -rf .venv-release
	@"$(PYTHON)" -m venv .venv-release
	@.venv-release/bin/python $(PIP_INSTALL) "$$(ls dist/skconvattn-*.whl)[plots]" pytest
	@# Out of the clone, so that what is imported is what was installed.
	@folder="$$(mktemp -d)" && mkdir "$$folder/tests" && cp README.md "$$folder" && \
	  cp tests/conftest.py tests/test_readme.py "$$folder/tests" && python="$$PWD/.venv-release/bin/python" && \
	  cd "$$folder" && "$$python" -m pytest -k "not links" tests/test_readme.py && rm -rf "$$folder"
	@if grep -q "OWNER" pyproject.toml; then \
	  echo "Before the release: put the owner of the repository for OWNER in pyproject.toml."; fi

.PHONY: bench
bench: $(STAMP) ## Run the benchmarks named in BENCH ("engine layers")
	@for name in $(BENCH); do $(BIN)/python "benchmarks/$$name.py" || exit 1; done

.PHONY: structure
structure: $(STAMP) ## Count the files that one fit enters, and the classes of a forecaster
	@$(BIN)/python benchmarks/structure.py

.PHONY: fuzz
fuzz: $(STAMP) ## Change 10,000 model files at three levels (FILES=500 for fewer) and load them
	@$(BIN)/python -m tests.persistence.fuzzing --files $(FILES)

.PHONY: kill
kill: $(STAMP) ## Kill 200 saves, 20 studies and 10 searches while they run, and look at what they leave
	@N_KILLS=200 N_STUDIES=20 N_SEARCH_KILLS=10 N_SEARCH_TRIALS=50 $(PYTEST) -m "" \
	  tests/persistence/test_kill.py tests/tuning/test_killed_searches.py

.PHONY: soak
soak: $(STAMP) ## Fit hundreds of times and watch the memory
	@$(BIN)/python benchmarks/soak.py

.PHONY: clean
clean: ## Remove the environments, caches and build products
	@rm -rf .venv .venv-docs .venv-jax .venv-torch .venv-oldest .venv-release .venv-alone
	@rm -rf build dist *.egg-info docs/_build docs/gallery docs/notebooks docs/api/generated htmlcov .coverage .coverage.*
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call new_venv,folder,extras,disk space,further arguments of pip): an environment with the
# package in it. Its stamp is written last, so that an interrupted one is taken up again.
define new_venv
	@command -v "$(PYTHON)" > /dev/null || { \
	  echo "There is no $(PYTHON): install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3."; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "skconvattn needs Python 3.11 or newer and $(PYTHON) is $$("$(PYTHON)" -V 2>&1): name another, as in make PYTHON=python3.12."; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2> /dev/null || { \
	  echo "$(PYTHON) has no venv module: install it (on Debian and Ubuntu: apt install python3-venv)."; exit 1; }
	@echo "Installing skconvattn and its dependencies into $(1) ($(3), some minutes the first time) ..."
	@"$(PYTHON)" -m venv "$(1)"
	@"$(1)/bin/python" $(PIP_INSTALL) $(4) -e ".$(2)" || { \
	  echo "pip failed as it says above. If a package is not found for $$("$(PYTHON)" -V), try another: make PYTHON=python3.12."; exit 1; }
	@touch "$(1)/.installed"
endef

# $(call new_venv_beside,folder,extras,further arguments of pip): an environment with what the main
# one has and these extras. It refers to the packages there, and so takes little time and space.
define new_venv_beside
	@echo "Installing the extras $(2) into $(1), beside $(VENV) ..."
	@"$(BIN)/python" -m venv "$(1)"
	@packages='import sysconfig; print(sysconfig.get_path("purelib"))'; \
	  "$(BIN)/python" -c "$$packages" > "$$("$(1)/bin/python" -c "$$packages")/beside.pth"
	@"$(1)/bin/python" $(PIP_INSTALL) $(3) -e ".$(2)" || { \
	  echo "pip failed as it says above."; exit 1; }
	@touch "$(1)/.installed"
endef
