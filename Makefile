# `make` lists the targets. One environment in .venv/ and the Java artifacts in .jars/ are made when a target
# needs them. Everything stays inside the checkout (and the cache of uv, if the home directory can be written to).

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DEFAULT_GOAL := help

VENV := .venv
LAKEHOUSE := $(VENV)/bin/lakehouse

# Processes that share the tests, each with a Spark of its own of 3 GB.
WORKERS := 2

# What run, verify and report are about when no DOMAIN is named: what has a contract. Sample deliveries are made of some.
# Where there is no contract, those of the sample: the command then says what is missing.
SAMPLES := billing retail
DOMAINS := $(or $(shell cd "$${LAKEHOUSE_CONF:-conf}" 2>/dev/null && ls */domain.yml 2>/dev/null | sed 's:/domain.yml::'),$(SAMPLES))

# Variables from the command line reach the recipes as shell variables, so that any path survives quoting.
export LAKE ?= data/lake

# A moved or copied checkout must not run the code that its environment still points to.
ifneq ($(wildcard $(VENV)/.checkout),)
ifneq ($(shell cat $(VENV)/.checkout),$(shell pwd -P))
MOVED := moved
moved:
endif
endif

.PHONY: help run airflow backfill test soak lint sql report validate verify sample bench package lock clean

help:  ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r target text; do printf '  make %-9s %s\n' "$$target" "$$text"; done
	@echo
	@echo '  Variables: DOMAIN=billing (else all; backfill: else billing) LANDING=dir LAKE=dir FROM=2025-01-01 TO=2025-01-31 SQL="select 1"'
	@echo '  and ARGS="..." for any other option of the command, PYTHON=python3.12 for another interpreter.'

# Half a sample would pass for a whole one next time: remove it when generating it fails or is stopped. One domain's
# failure stops no other. Of a landing zone that is named, the domains with a folder in it are meant.
run: $(VENV)/.main .jars/.complete  ## Deliveries to gold: [LANDING=] [LAKE=] [DOMAIN=] [FROM=] [TO=]
	@set -e; failure=0; domains="$$DOMAIN"; trap 'exit 130' INT TERM; \
	if [ -z "$$domains" ] && [ -n "$$LANDING" ]; then \
		for domain in $(DOMAINS); do \
			if [ -d "$$LANDING/$$domain" ]; then domains="$$domains $$domain"; fi; \
		done; \
	fi; \
	for domain in $${domains:-$(DOMAINS)}; do \
		landing="$${LANDING:-data/landing}"; \
		if [ -z "$$LANDING" ] && [ ! -d "$$landing/$$domain" ] && expr " $(SAMPLES) " : ".* $$domain " >/dev/null; then \
			echo "No LANDING given: generating sample deliveries in $$landing/$$domain"; \
			trap 'rm -rf "$$landing/$$domain"; exit 130' INT TERM; \
			$(LAKEHOUSE) sample "$$domain" --out "$$landing" || \
				{ status=$$?; rm -rf "$$landing/$$domain"; exit $$status; }; \
			trap 'exit 130' INT TERM; \
		fi; \
		$(LAKEHOUSE) run "$$domain" --landing "$$landing" --lake "$$LAKE" \
			$${FROM:+--from "$$FROM"} $${TO:+--to "$$TO"} $(ARGS) || failure=$$?; \
	done; \
	exit $$failure

airflow: $(VENV)/.airflow .jars/.complete  ## Schedules, backfills and a page to trigger runs, on 127.0.0.1: [ARGS="--port 8080"]
	@exec $(LAKEHOUSE) airflow $(ARGS)

backfill: $(VENV)/.main  ## Days through the Airflow of make airflow, else those that need work: [DOMAIN=] [FROM=] [TO=]
	@$(LAKEHOUSE) backfill "$${DOMAIN:-billing}" $${FROM:+--from "$$FROM"} $${TO:+--to "$$TO"} $(ARGS)

test: lint $(VENV)/.test $(VENV)/.airflow $(VENV)/.report .jars/.complete  ## Lint and the tests, but for those of soak
	@set -e; $(UV_SETTINGS); $(VENV)/bin/python -m pytest -q -n $(WORKERS) --dist loadfile $(or $(ARGS),tests)

soak: $(VENV)/.test $(VENV)/.airflow $(VENV)/.report .jars/.complete  ## The tests that take too long for make test
	@set -e; $(UV_SETTINGS); $(VENV)/bin/python -m pytest -q -m soak $(or $(ARGS),tests)

lint: $(VENV)/.test $(VENV)/.airflow $(VENV)/.report $(VENV)/.bench  ## Style, types and the dependency rule
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/python -m mypy --strict $(wildcard lib jobs dags tests benchmarks)
	@$(VENV)/bin/lint-imports --no-logo

sql: $(VENV)/.main  ## A SQL prompt over the lake, or one statement: [SQL="select ..."] [LAKE=]
	@$(LAKEHOUSE) sql --lake "$$LAKE" $(ARGS) $${SQL:+"$$SQL"}

report: $(VENV)/.main $(VENV)/.report  ## An HTML page of charts and figures of each domain: [DOMAIN=] [LAKE=] [OUT=file]
	@if [ -n "$$OUT" ] && [ $(words $(or $(DOMAIN),$(DOMAINS))) != 1 ]; then \
		echo "OUT is the page of one domain. Say which: make report DOMAIN=billing OUT=$$OUT" >&2; exit 1; \
	fi
	@mkdir -p data
	@set -e; for domain in $${DOMAIN:-$(DOMAINS)}; do \
		$(LAKEHOUSE) report "$$domain" --lake "$$LAKE" --out "$${OUT:-data/$$domain-report.html}" $(ARGS); \
	done

validate: $(VENV)/.main  ## Check contracts and environments, without Spark
	@$(LAKEHOUSE) validate $(ARGS)

verify: $(VENV)/.main .jars/.complete  ## Recompute the lake from bronze and name every difference: [LAKE=] [DOMAIN=]
	@failure=0; \
	for domain in $${DOMAIN:-$(DOMAINS)}; do \
		$(LAKEHOUSE) verify "$$domain" --lake "$$LAKE" $(ARGS) || failure=$$?; \
	done; \
	exit $$failure

sample: $(VENV)/.main  ## Generate deliveries: [LANDING=data/landing] [DOMAIN=] [ARGS="--days 3"]
	@set -e; \
	for domain in $${DOMAIN:-$(SAMPLES)}; do \
		$(LAKEHOUSE) sample "$$domain" --out "$${LANDING:-data/landing}" $(ARGS); \
	done

bench: $(VENV)/.main $(VENV)/.report $(VENV)/.bench .jars/.complete  ## Benchmarks beside other engines, a page in data/bench: [ARGS="--quick"]
	@$(VENV)/bin/python -m benchmarks.bench $(ARGS)

package: $(VENV)/.main .jars/.complete  ## What EMR, Databricks and other clusters need, in dist/: [ARGS="--arch arm64"]
	@set -e; $(UV_SETTINGS); $(LAKEHOUSE) package $(ARGS)

# Versions that are already locked stay; UPGRADE=1 takes the newest that fit.
lock: $(VENV)/.tools  ## Renew requirements/*.txt from requirements/*.in: [UPGRADE=1]
	@set -e; $(UV_SETTINGS); export UV_CUSTOM_COMPILE_COMMAND='make lock'; \
	for lock in main test airflow report bench tools; do \
		python=3.10; if [ "$$lock" = airflow ]; then python=3.11; fi; \
		$(VENV)/bin/uv pip compile --quiet --python $(VENV)/bin/python --universal --python-version "$$python" \
			--generate-hashes --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade) \
			requirements/$$lock.in --output-file requirements/$$lock.txt; \
	done

clean:  ## Remove .venv, .jars, build output and caches; data/ stays
	@rm -rf $(VENV) .jars build dist lib/*.egg-info
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@rm -rf spark-warehouse metastore_db derby.log
	@find lib jobs dags tests benchmarks conf -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# --- The environment. A stamp file is newer than the lock that it was made from. ---

# uv reads neither pip's settings nor its environment variables: hand on what decides where packages come from.
# Its cache moves into .venv when the home directory is missing or cannot be written to.
define UV_SETTINGS
index="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(VENV)/bin/python -m pip config get global.index-url 2>/dev/null || true)}}"; \
	if [ -n "$$index" ]; then export UV_DEFAULT_INDEX="$$index"; fi; \
	if [ -n "$$PIP_CERT" ]; then export SSL_CERT_FILE="$${SSL_CERT_FILE:-$$PIP_CERT}"; fi; \
	cache="$${UV_CACHE_DIR:-$${XDG_CACHE_HOME:-$${HOME:-$(VENV)}/.cache}/uv}"; \
	if ! mkdir -p "$$cache" 2>/dev/null || [ ! -w "$$cache" ]; then cache=$(VENV)/.cache/uv; fi; \
	export UV_CACHE_DIR="$$cache" UV_SYSTEM_CERTS=true UV_NATIVE_TLS=true UV_PYTHON_DOWNLOADS=never UV_HTTP_TIMEOUT="$${UV_HTTP_TIMEOUT:-180}"; \
	quiet=--quiet; if [ -t 2 ]; then quiet=; fi
endef

# setuptools and wheel come with the tools, hashed, so that nothing is fetched unseen to build a source package.
UV_INSTALL = $(VENV)/bin/uv pip install $$quiet --python $(VENV)/bin/python --no-build-isolation

$(VENV)/.tools: requirements/tools.txt $(MOVED)
	@set -e; \
	if [ -n "$$PYTHON" ]; then set -- "$$PYTHON"; else set -- python3.11 python3 python3.12 python3.10; fi; \
	python=; \
	for candidate in "$$@"; do \
		if "$$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; \
		then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "lakehouse needs Python 3.11 (3.10 and 3.12 work too), tried: $$*. Install it, or name it: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; \
	fi; \
	if [ -n "$(MOVED)" ] || ! $(VENV)/bin/python -m pip --version >/dev/null 2>&1; then \
		echo "Creating the environment in $(VENV) with $$("$$python" --version)"; \
		"$$python" -m venv --clear $(VENV) || { \
			rm -rf $(VENV); \
			echo "$$python cannot create environments: install its venv module (Debian, Ubuntu: apt install python3-venv)" >&2; \
			exit 1; }; \
	fi; \
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tools.txt; \
	pwd -P > $(VENV)/.checkout; \
	touch $@

$(VENV)/.main: requirements/main.txt setup.py $(VENV)/.tools
	@set -e; $(UV_SETTINGS); \
	echo "Installing the locked requirements (Spark is large: the first time takes a minute or more)"; \
	$(UV_INSTALL) --require-hashes -r requirements/main.txt; \
	$(UV_INSTALL) --no-deps --editable .; \
	touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.main
	@set -e; $(UV_SETTINGS); \
	echo "Installing the test tools"; \
	$(UV_INSTALL) --require-hashes -r requirements/test.txt; \
	touch $@

# Airflow's way to AWS needs Python 3.11; everything else works with 3.10.
$(VENV)/.airflow: requirements/airflow.txt $(VENV)/.main
	@set -e; $(UV_SETTINGS); \
	if $(VENV)/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		echo "Installing Airflow"; \
		$(UV_INSTALL) --require-hashes -r requirements/airflow.txt; \
	else \
		echo "Airflow is left out: it needs Python 3.11 or 3.12, and the environment has $$($(VENV)/bin/python --version)." >&2; \
	fi; \
	touch $@

$(VENV)/.report: requirements/report.txt $(VENV)/.main
	@set -e; $(UV_SETTINGS); \
	echo "Installing what draws charts"; \
	$(UV_INSTALL) --require-hashes -r requirements/report.txt; \
	touch $@

$(VENV)/.bench: requirements/bench.txt $(VENV)/.main
	@set -e; $(UV_SETTINGS); \
	echo "Installing the engines that benchmarks compare with"; \
	$(UV_INSTALL) --require-hashes -r requirements/bench.txt; \
	touch $@

# Ivy keeps its cache and settings inside .jars/: an empty or read-only home directory is enough. IVY_SETTINGS
# names an Ivy settings file for those who reach the public repository through a mirror.
.jars/.complete: conf/jars.xml | $(VENV)/.main
	@set -e; \
	java="$${JAVA_HOME:+$$JAVA_HOME/bin/}java"; \
	version="$$("$$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')" || true; \
	if [ "$$version" != 17 ]; then \
		found="Java $$version"; if [ -z "$$version" ]; then found='no Java'; fi; \
		echo "lakehouse needs Java 17, found $$found ($$java). Install it (Debian, Ubuntu: apt install openjdk-17-jre-headless; macOS: brew install openjdk@17) or set JAVA_HOME to it." >&2; \
		exit 1; \
	fi; \
	echo "Fetching the Java artifacts into .jars"; \
	mkdir -p .jars; rm -f .jars/*.jar; \
	"$$java" -Divy.default.ivy.user.dir="$$PWD/.jars/ivy" -jar $(VENV)/lib/python3.*/site-packages/pyspark/jars/ivy-*.jar \
		-ivy conf/jars.xml $${IVY_SETTINGS:+-settings "$$IVY_SETTINGS"} -cache .jars/ivy \
		-retrieve '.jars/[artifact]-[revision].[ext]' > .jars/ivy.log 2>&1 || { \
			cat .jars/ivy.log >&2; \
			echo "The Java artifacts of conf/jars.xml could not be fetched (above: why). Run make again to retry." >&2; \
			exit 1; }; \
	touch $@
