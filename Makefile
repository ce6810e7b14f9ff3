# `make` alone lists what can be run here.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python

# A stamp for each set of packages, named after its lock file's content: what changed is installed again.
stamp = $(VENV)/.$(1)-$(shell cksum < requirements/$(1).txt | cut -d ' ' -f 1)
LOCAL := $(call stamp,local)
DEV := $(call stamp,dev)

# A command beside servers of its own, for checks that need Django's settings.
BESIDE_SERVERS := DATA_DIR=.data/check $(PY) -m config.local

.DEFAULT_GOAL := help
.PHONY: help up servers test check format bench lock clean

help: ## List these commands
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile | expand -t 16

up: $(LOCAL) ## Start the platform on http://127.0.0.1:8000 (PORT=…); Ctrl-C stops it
	@$(PY) -m config.local.up

servers: $(LOCAL) ## Start only PostgreSQL and Valkey, and print how to reach them
	@$(PY) -m config.local

test: $(DEV) ## Run all tests on real servers, workers and networks (ARGS='-k name')
	@$(BESIDE_SERVERS) $(PY) manage.py models pull
	@$(PY) -m pytest $(ARGS)

check: $(DEV) ## Format, lint, types, import directions, migrations, deployment
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(VENV)/bin/lint-imports
	@$(BESIDE_SERVERS) $(PY) -m mypy .
	@$(BESIDE_SERVERS) $(PY) manage.py makemigrations --check --dry-run
	@TRUSTED_PROXIES=1 PUBLIC_URL=https://mattery.example ALLOWED_HOSTS=mattery.example EMAIL_URL=smtp+tls://mail.mattery.example:587 \
		$(BESIDE_SERVERS) $(PY) manage.py check --deploy --fail-level WARNING --database default

format: $(DEV) ## Format the code and fix what the linter can fix
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

bench: $(DEV) ## Measure speed, latency and memory (PEER_URL=… beside a rembg server)
	@$(PY) -m tests.bench $(if $(PEER_URL),--peer-url $(PEER_URL)) $(ARGS)

COMPILE := uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-header
lock: $(DEV) ## Write requirements/*.txt anew from *.in (ARGS=--upgrade)
	@cd requirements && PATH="../$(VENV)/bin:$$PATH" && set -e && $(COMPILE) $(ARGS) dev.in -o dev.txt && \
	for name in web worker-cpu local; do $(COMPILE) $$name.in -c dev.txt -o $$name.txt; done && \
	$(COMPILE) $(ARGS) worker-gpu.in -o worker-gpu.txt

clean: ## Delete the environment, the caches and, after a question, all data
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@[ ! -e .data ] || { printf 'Delete all data in .data, with every account and image? [y/N] ' && \
		read answer && [ "$$answer" = y ] && rm -rf .data || echo 'The data is kept.'; }

define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2> /dev/null || \
		{ echo 'Mattery needs Python 3.12 or newer. Name one: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || \
		{ echo 'This Python lacks venv. On Debian or Ubuntu: apt install python3-venv' >&2; exit 1; }
	@echo '  … Packages into $(VENV), about two minutes the first time'
	@umask 022 && exec $(PYTHON) -m venv $(VENV)
	@umask 022 && exec $(PY) -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/$(1).txt
	@touch $@
endef

$(LOCAL):
	$(call install,local)

$(DEV):
	$(call install,dev)
