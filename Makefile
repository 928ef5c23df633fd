# make            what there is to make
# PYTHON=...      the Python for a new environment; otherwise the first that fits is taken
# VENV=...        where it is set up; .venv unless said otherwise

VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/ready
CODE = engine reports app tests benchmarks
AS_OF ?= 2026-11-20

# A Python fits if it runs, is one of the three, and can make an environment and build an
# extension. It is run to find out: a version manager's launcher may be there and not work.
FITS = import ensurepip, os, sys, sysconfig; \
  ok = (3, 11) <= sys.version_info[:2] <= (3, 13); \
  sys.exit(not (ok and os.path.exists(sysconfig.get_path("include") + "/Python.h")))

INSTALL = PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet

# The core's tests: what is true of rules, readings, decisions and files, without the slowest of it.
QUICK = tests/truth_tables tests/test_reference.py tests/test_explain.py tests/test_injection.py \
  tests/test_guards.py tests/test_fixtures.py tests/test_bad_files.py tests/test_architecture.py \
  $(addprefix tests/properties/test_,calendar.py evidence.py passed_over.py recorded.py time.py) \
  $(addprefix tests/differential/test_,agreement.py edges.py normal_limits.py) \
  tests/test_mutants.py tests/test_passed.py
SLOW = was_cut or reach_everything or on_packs_of_any_shape or same_bytes

.PHONY: help setup screen test quick check coverage long fuzz test-all golden schemas rooms bench \
  mutants release interop clean

help:
	@echo 'make setup     an environment in $(VENV), with the tested versions'
	@echo 'make screen    screen the synthetic subjects, reports into out/'
	@echo 'make test      every test'
	@echo 'make quick     those of the core, in under a minute'
	@echo 'make coverage  that these take every branch of the deciding core'
	@echo 'make mutants   mutants of the deciding core: ten minutes, gone on with by the next run'
	@echo 'make check     style and types'
	@echo 'make long      the long forms of the tests; make long-1 to long-4: ten minutes of a part'
	@echo 'make fuzz      the property and differential tests of these'
	@echo 'make test-all  every test on Python 3.11, 3.12 and 3.13'
	@echo 'make golden    write the expected reports anew; read the difference'
	@echo 'make schemas   write the JSON Schemas in docs/ anew'
	@echo 'make rooms     the rooms of the code: imports, sizes; writes the table of modules anew'
	@echo 'make bench     the benchmarks, beside the last ones kept in benchmarks/'
	@echo 'make release   a wheel and an sdist in dist/, installed in an empty folder and tried'
	@echo 'make interop   import every example of the FHIR standard (fetched with npm)'
	@echo 'make clean     remove what the others made'

setup: $(READY)

$(READY): pyproject.toml requirements.lock build.lock
	@if ! command -v "$${CC:-cc}" >/dev/null 2>&1; then \
	  echo 'eligo needs a C compiler (cc) to build durable_rules' >&2; exit 1; fi; \
	if ! $(BIN)/python -c '$(FITS)' >/dev/null 2>&1; then \
	  found=; \
	  for python in $(or $(PYTHON),python3.11 python3.12 python3.13 python3); do \
	    if "$$python" -c '$(FITS)' >/dev/null 2>&1; then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo 'eligo needs Python 3.11, 3.12 or 3.13 with its headers (set PYTHON=...)' >&2; \
	    exit 1; fi; \
	  echo "eligo: $$("$$found" --version) into $(VENV)"; \
	  "$$found" -m venv --clear $(VENV) || exit 1; \
	fi
	@echo 'eligo: installing the tested versions (half a minute the first time)'
	@$(INSTALL) --require-hashes -r build.lock
	@$(INSTALL) --require-hashes --no-build-isolation -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

screen: setup
	@$(BIN)/eligo screen fixtures/subjects --as-of $(AS_OF) --out out --format html

test: setup
	@$(BIN)/pytest -q -n 2

quick: setup
	@ELIGO_FUZZ=quick $(BIN)/pytest -q -n 2 $(QUICK) -k 'not ($(SLOW))'

# Every branch of the deciding core is taken by them, or this fails.
coverage: setup
	@mkdir -p out/coverage && $(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q $(QUICK) tests/differential/test_large_packs.py -k 'not ($(SLOW))'
	@$(BIN)/coverage report

mutants: setup
	@$(BIN)/python tests/mutants.py

check: setup
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy $(CODE)

# In parts, each taken up again where it stopped: see tests/long.py.
long: setup
	@$(BIN)/python tests/long.py --whole 1 2 3 4

long-%: setup
	@$(BIN)/python tests/long.py $*

fuzz: setup
	@$(BIN)/python tests/long.py --whole 1 2

# A Python that is missing is named and counts as a failure: three were asked for.
test-all:
	@failed=; for version in 3.11 3.12 3.13; do \
	  found=; \
	  for python in python$$version "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version.*/bin/python; do \
	    if "$$python" -c '$(FITS)' >/dev/null 2>&1; then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then echo "eligo: there is no Python $$version here" >&2; \
	  else $(MAKE) --no-print-directory test VENV=.venv-$$version PYTHON="$$found" && continue; fi; \
	  failed="$$failed $$version"; \
	done; \
	if [ -n "$$failed" ]; then echo "eligo: not passed on Python$$failed" >&2; exit 1; fi

golden: setup
	@ELIGO_GOLDEN=rewrite $(BIN)/pytest -q tests/reports tests/test_bad_files.py tests/test_docs.py
	@git status --short tests fixtures README.md docs

schemas: setup
	@$(BIN)/python docs/schemas.py

rooms: setup
	@$(BIN)/python -m tests.rooms --table

bench: setup
	@for name in screening workbench log; do \
	  $(BIN)/python benchmarks/$$name.py --keep || exit 1; done

# What a release is made of, tried where there is nothing else. Nothing is uploaded.
release: setup
	@$(BIN)/python tests/release.py dist

interop: setup
	@mkdir -p out/interop && cd out/interop && \
	  { [ -d package ] || { npm pack --silent hl7.fhir.r4.examples@4.0.1 && tar -xzf *.tgz; }; }
	@ELIGO_INTEROP="$(CURDIR)/out/interop/package" $(BIN)/pytest -q tests/interop/test_examples.py

clean:
	@rm -rf .venv .venv-3.* .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist out
