# Two commands are the whole set-up on a fresh machine: `make demo` and `make test`.
# Each installs what it needs into .venv from the hashed locks, which are complete: hence --no-deps.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || echo python3)
VENV   := .venv
BIN    := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help

help:            ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## ?/  make \1\t/' | expand -t 22

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/tools/.installed: tests/deployments/tools.lock | $(BIN)/python
	$(PYTHON) -m venv $(VENV)/tools
	$(VENV)/tools/bin/python -m pip install --quiet --no-deps --require-hashes -r tests/deployments/tools.lock
	@touch $@

install: $(VENV)/.runtime  ## install into .venv; the command is then .venv/bin/cct-ops

demo: install    ## an alert comes in, a canary is repaired, the timeline is printed
	$(BIN)/cct-ops demo

up: install      ## the whole stack on this machine, with the Prefect UI
	exec $(BIN)/cct-ops up

# A file stays on one of the processes, because its tests share the parts that they start.
test: $(VENV)/.dev  ## the whole suite, against real parts; ARGS="..." for pytest
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

tools: $(VENV)/tools/.installed  ## hadolint, docker compose, helm, Kubernetes' schemas: what tests/deployments asks

image-test: $(VENV)/.dev tools ## the image's steps in a bare Debian root, and all parts in it, read-only: minutes, as root
	$(BIN)/python -m pytest -n 0 tests/deployments/*_at_length.py $(ARGS)

kills: $(VENV)/.dev  ## kill every playbook at every boundary, a quarter of an hour; ARGS="-k rate-limiting"
	KILLS=all $(BIN)/python -m pytest -n 4 --dist load tests/flows/test_kills_*.py tests/record/test_kills.py $(ARGS)

restarts: $(VENV)/.dev  ## PostgreSQL and Redis killed while a run stands in each of its phases: some minutes
	$(BIN)/python -m pytest -n 0 tests/end_to_end/*_at_length.py $(ARGS)

# GOLDEN=write writes anew what every row is compared with: tests/flows/golden.
matrix: $(VENV)/.dev ## every option in every mode, undone, and on CCT's own handlers; ARGS="-k rate-limiting"
	MATRIX=all $(BIN)/python -m pytest -n 4 --dist load tests/flows/test_every_way.py tests/flows/test_golden.py $(ARGS)

tamperings: $(VENV)/.dev ## 10,000 tamperings with the record, each named by its verifiers: ten minutes
	TAMPERINGS=all $(BIN)/python -m pytest -n 2 --timeout 7200 tests/record/test_audit.py tests/record/test_export.py tests/record/test_cosigned_tamperings.py $(ARGS)

drain-drill: install ## an upgrade under ten alerts a second, counted: lost, killed, undone; ARGS="--seconds 600 --old REVISION"
	$(BIN)/python -m evaluation.upgrade $(ARGS)

simulate: install ## a simulated week with and without the guards; ARGS="--days 1000 --seeds 1" for a night of them
	$(BIN)/python -m evaluation.simulation $(ARGS)

bench: install   ## from alert to first GET, beside others, half an hour; BENCH="--only ours,procrastinate --warm 20" for less
	$(BIN)/python -m evaluation.benchmarks $(BENCH)

siem: install    ## an endpoint for audit events is down for five minutes, and the controller killed twice
	$(BIN)/python -m evaluation.siem $(ARGS)

soak: $(VENV)/.dev  ## floods, kills and outages, counted: a quarter of an hour; ARGS="--seconds 12" for less
	$(BIN)/python -m evaluation.soak $(ARGS)

cluster: $(VENV)/.dev  ## every part twice on three hosts of this one machine, to be hurt by name
	$(BIN)/python -m evaluation.cluster $(ARGS)

cluster-soak: $(VENV)/.dev  ## an hour of faults on that cluster, counted; ARGS="--minutes 5 --seed 7" for less
	$(BIN)/python -m evaluation.cluster.soak $(ARGS); status=$$?; \
	$(BIN)/python -m tests.generated_docs; exit $$status

claims: $(VENV)/.dev  ## hurt every part in every way, an hour, and write docs/claims.md; ARGS="--continue" or "--part redis"
	$(BIN)/python -m evaluation.cluster.claims $(ARGS); status=$$?; \
	$(BIN)/python -m tests.generated_docs; exit $$status

capacity: $(VENV)/.dev  ## what each part takes of the machine, and a model of a million alerts a day: twenty minutes
	$(BIN)/python -m evaluation.capacity $(ARGS); status=$$?; \
	$(BIN)/python -m tests.generated_docs; exit $$status

# The manual runbook is as it was handed over; results are written by `make bench` and the soak of memory.
PAGES = $(shell git ls-files '*.md' ':!docs/ops-playbooks.md' ':!docs/benchmarks/results.md' \
	':!docs/benchmarks/memory.md')

check: $(VENV)/.dev ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mdformat --check $(PAGES)
	$(BIN)/mypy

format: $(VENV)/.dev ## format code and pages, and write what pages take from the code
	$(BIN)/ruff format .
	$(BIN)/python -m tests.generated_docs
	$(BIN)/mdformat $(PAGES)

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-header

lock: $(VENV)/.dev  ## compile the locks anew from pyproject.toml, and that of the benchmark's rivals
	$(COMPILE) --extra build pyproject.toml -o requirements.lock
	$(COMPILE) --extra build --extra redis pyproject.toml -o requirements-redis.lock
	$(COMPILE) --extra build --extra redis --extra dev pyproject.toml -o requirements-dev.lock
	$(COMPILE) evaluation/benchmarks/rivals.in -o evaluation/benchmarks/rivals.lock
	$(COMPILE) tests/deployments/tools.in -o tests/deployments/tools.lock

BASE    ?= HEAD~1
HISTORY ?= evaluation/history/week.jsonl

replay: install  ## what changed rules make different of the recorded week; BASE=REV, HISTORY=FILE
	$(BIN)/cct-ops replay --history $(HISTORY) --baseline $(BASE) $(ARGS)

.PHONY: help install demo up test tools image-test kills restarts matrix tamperings drain-drill simulate bench siem soak cluster cluster-soak claims capacity check format lock replay
