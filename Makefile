# `make` alone lists the targets. The work is done by config/local, with the machine's own Python (3.11 or later).

PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
LOCAL := $(or $(PYTHON),$(error no Python 3.11 or later found: install one, or make PYTHON=/path/to/python3 ...)) -m config.local

.DEFAULT_GOAL := help
.PHONY: help up down clean-var test test-fast bench redteam check check-code format lock schema

help:  ## list the targets
	@echo "Penumbra. Targets:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

up:  ## install what is missing, start everything, bring the first scenes through [CATALOG=file LABELS=file] [IMAGERY=folder]
	@$(LOCAL) up $(if $(CATALOG),--catalog "$(CATALOG)") $(if $(LABELS),--labels "$(LABELS)") $(if $(IMAGERY),--imagery "$(IMAGERY)")

down:  ## stop what was started
	@$(LOCAL) down

clean-var:  ## stop everything and remove var/, data included
	@$(LOCAL) clean-var

test:  ## all tests, on private test servers [WORDS="-k alert"]
	@$(LOCAL) test -- -n 2 --dist worksteal --durations 30 $(WORDS)

test-fast:  ## tests that need no server: tests/pure and tests/house
	@$(LOCAL) test --no-servers -- -q tests/pure tests/house $(WORDS)

bench:  ## what features, serialising and the ledger cost beside their peers: var/reports/bench.json
	@$(LOCAL) run -- python -m tests.bench

redteam:  ## attack an invented country over HTTP: var/reports/privacy.json and privacy.html [QUICK=1]
	@$(LOCAL) run -- python -m tests.privacy.redteam $(if $(QUICK),--quick)

check:  ## lint, types, import contracts, production settings, migrations, fast tests
	@$(LOCAL) check

check-code:  ## what `make check` does, without tests: before `make test`, which has them all
	@$(LOCAL) check --no-tests

format:  ## write the code as `make check` wants it
	@$(LOCAL) run --no-servers -- ruff check --fix-only --quiet .
	@$(LOCAL) run --no-servers -- ruff format --quiet .

lock:  ## pin requirements*.in into requirements*.txt, with hashes and reasons
	@$(LOCAL) lock

schema:  ## write the OpenAPI document to var/openapi.json and validate it
	@$(LOCAL) run --no-servers -- python manage.py spectacular --validate --fail-on-warn --format openapi-json --file var/openapi.json
	@$(LOCAL) run --no-servers -- openapi-spec-validator var/openapi.json
