# `make` lists what there is to run. Everything is installed into .venv, .demo and .cache of this checkout.

PYTHON ?= python3
SERVICE := {{cookiecutter.project_slug}}

# Caches of tools stay out of the template's folder: cookiecutter copies whatever lies there.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/pycache
# Images of Python often set it, and then each of hundreds of processes compiles everything once more.
unexport PYTHONDONTWRITEBYTECODE
IN_PLACE := cd '$(SERVICE)' && PATH="$(CURDIR)/.venv/bin:$$PATH"

NEEDS := chromium:chromium chromedriver:chromium-driver npm:npm pgbouncer:pgbouncer openssl:openssl glewlwyd:glewlwyd
NEEDS += haproxy:haproxy nginx:nginx-light apache2:apache2 caddy:caddy
NEEDS += postfix:postfix postgrey:postgrey saslpasswd2:sasl2-bin+libsasl2-modules spamassassin:spamassassin
NEEDS += psql:postgresql supervisord:supervisor systemd-analyze:systemd

.PHONY: help demo test test-system missing-packages check mutants faults timing bake bench versions picture

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 22

demo: .venv/bin/uv ## a running service with every feature on, and an administrator to sign in as
	@.venv/bin/python tools/demo.py

test: .venv/installed ## everything that needs no Debian package
	.venv/bin/pytest -v -n 2 --dist worksteal

test-system: .venv/installed ## with a real browser, providers, proxies and mail servers, and behind PgBouncer
	@missing=$$($(MAKE) -s missing-packages); [ -z "$$missing" ] || { echo "Missing. On Debian: apt-get install" $$missing; exit 1; }
	PATH="$$PATH:/usr/sbin" .venv/bin/pytest -v -n 2 --dist loadfile tests_system

# What `make test-system` needs: the command, and the packages of Debian that it comes from.
missing-packages:
	@for need in $(NEEDS); do \
		PATH="$$PATH:/usr/sbin" command -v "$${need%%:*}" > /dev/null || echo "$${need#*:}" | tr + ' '; \
	done

# Tests that start processes take half a minute by themselves; `make test` runs them.
check: .venv/installed ## fast feedback on the source, in about a minute
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	$(IN_PLACE) ruff check --ignore I001 --cache-dir ../.cache/ruff .
	$(IN_PLACE) mypy --cache-dir ../.cache/mypy-in-place app migrations tests scripts ../proofs
	$(IN_PLACE) lint-imports --no-logo --no-cache
	$(IN_PLACE) PYTHONPATH=../tools:. pytest -q -n 2 -p in_place --ignore tests/processes -o cache_dir='$(CURDIR)/.cache/pytest-in-place'
	.venv/bin/pytest -q -n 2 tests/test_answers.py tests/test_hooks.py tests/test_mutants.py

# Generates a service, copies proofs/ into it and runs one of them there. ANSWERS and OPTIONS are optional, for example
# make faults ANSWERS="auth_backend=jwt include_oauth=false" OPTIONS="--seconds 2 postgres_dies"
define prove
	@rm -rf .cache/proofs
	@.venv/bin/cookiecutter --no-input --default-config --output-dir .cache/proofs . project_slug=my-service $(ANSWERS) > /dev/null
	@cp -R proofs .cache/proofs/my-service
	@cd .cache/proofs/my-service && PATH="$(CURDIR)/.venv/bin:$$PATH" python -m proofs.$@ $(OPTIONS)
endef

mutants: .venv/installed ## removes each defence of a generated service and checks that its test fails
	$(prove)

faults: .venv/installed ## breaks the database and the processes under load, and compares what was acknowledged with what is stored
	$(prove)

timing: .venv/installed ## measures whether response times tell who has an account
	$(prove)

bake: .venv/installed ## asks the questions and generates a service into .demo
	.venv/bin/cookiecutter --output-dir .demo .

versions: .venv/installed ## moves to the versions of another day, a week ago unless DAY says which, and tests with them
	.venv/bin/python tools/versions.py $(DAY)

picture: .venv/installed ## draws the questions and the pages for the README, into docs (needs chromium and chromium-driver)
	.venv/bin/python tools/picture.py
	PYTHONDONTWRITEBYTECODE=1 .venv/bin/python -m tools.page_pictures

bench: .venv/installed .cache/peers/installed ## speed beside others and with a million users, into benchmarks/results
	@command -v wrk > /dev/null || { echo "wrk is missing. On Debian: apt-get install wrk"; exit 1; }
	.venv/bin/python -m benchmarks $(BENCH)

.cache/peers/installed: .venv/bin/uv pyproject.toml $(SERVICE)/pyproject.toml tools/install.py
	@.venv/bin/uv venv --quiet --clear --python .venv/bin/python .cache/peers
	@.venv/bin/python tools/install.py peers .cache/peers
	@touch $@

.venv/installed: .venv/bin/uv pyproject.toml $(SERVICE)/pyproject.toml tools/install.py
	@echo "Installing the tools, and what the service depends on, into .venv ..."
	@.venv/bin/python tools/install.py
	@touch $@

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed. Say which: make PYTHON=python3.12")'
	@echo "Installing uv into .venv ..."
	@$(PYTHON) -m venv .venv || { echo "Python cannot make a virtual environment. On Debian: apt-get install python3-venv"; rm -rf .venv; exit 1; }
	@.venv/bin/python -m pip install -qq 'uv>=0.13,<1'
