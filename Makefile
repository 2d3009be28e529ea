# Each target does its own set-up; `make` alone lists them. Every recipe can be typed by hand where there is no make.
.DEFAULT_GOAL := help
.PHONY: help demo run test check lint types imports fix docs bench lock clean
PY := .venv/bin/python
# Everything here runs as several processes: compiling the same modules in each of them takes longer than the work.
unexport PYTHONDONTWRITEBYTECODE

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: ## See it work on a simulated shop; AUTO=1 lets a scripted person press the buttons, ARGS="--fresh" forgets earlier starts
	./bootstrap.sh && $(PY) -m demo $(if $(AUTO),--auto) $(ARGS)

run: ## Run it for your own outcome.yaml: in Slack with Slack's tokens, else in the sandbox workspace
	./bootstrap.sh && $(PY) -m bot.cli up

test: ## Run every test and print the coverage; ARGS="tests/unit -k gates" runs some
	./bootstrap.sh
	rm -f coverage.json
	COVERAGE_CORE=$$($(PY) -c 'import sys; print("sysmon" if sys.version_info >= (3, 12) else "ctrace")') \
		$(PY) -m pytest -n 3 --dist loadscope --no-loadscope-reorder --cov --cov-report=term:skip-covered --cov-report=json:coverage.json $(ARGS)

check: lint types imports ## Check style, types and walls

lint: ## Check style and formatting
	./bootstrap.sh
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: ## Check types, strictly
	./bootstrap.sh
	$(PY) -m mypy

imports: ## Check which way imports point
	./bootstrap.sh
	$(PY) -c 'from importlinter.cli import lint_imports_command as check; check()' --no-logo

fix: ## Mend what the formatter and the linter can mend
	./bootstrap.sh
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

docs: ## Check that the documentation is complete and its links lead somewhere
	./bootstrap.sh
	$(PY) -m pytest tests/docs $(ARGS)

bench: ## Measure everything that has a bar: start, memory, statistics, ticks, kills, ingestion; ARGS="--peers --data FILE" adds the peers
	./bootstrap.sh
	for one in loop measurement kills ingestion slack charts mail; do $(PY) -m benchmarks.$$one || exit 1; done
	$(PY) -m benchmarks.statistics $(ARGS)

lock: ## Resolve requirements.lock anew after pyproject.toml changed; ARGS=--upgrade takes newer versions
	./bootstrap.sh
	mkdir -p .tools
	$(PY) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["tool"]["uv"]["override-dependencies"], sep="\n")' > .tools/overrides.txt
	PATH="$$PWD/.tools/bin:$$PATH" UV_SYSTEM_CERTS=1 uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-emit-index-url --custom-compile-command "make lock" --override .tools/overrides.txt \
		--group dev -o requirements.lock pyproject.toml $(ARGS)

clean: ## Remove what was set up and what tools left behind; data in .outcome-runtime stay
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist .coverage .coverage.* coverage.json
	find bot runtime workers charts migrations demo benchmarks tests -name __pycache__ -type d -prune -exec rm -rf {} +
