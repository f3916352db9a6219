# Two commands on a fresh machine with Python >= 3.11: 'make demo' and 'make test'.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo test constraints audit clean

demo: .venv/.runs
	$(BIN)/pointillist demo

test: .venv/.tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Pointillist needs Python >= 3.11; got $$($(PYTHON) --version). Name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	touch $@

# torch first, by its exact version: asked for through another package, pip may take a build of several GB.
.venv/.runs: .venv/.python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[tracking]'
	touch $@

.venv/.tests: .venv/.runs
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,tracking,pretrained,ray,annotate]'
	touch $@

constraints: .venv/.tests
	{ echo "# Known-good versions of everything that 'make demo' and 'make test' install (Python 3.11 and newer)."; \
	  echo "# The package itself allows newer ones. Remade by 'make constraints'."; \
	  $(BIN)/pip list --format=freeze | grep -viE '^(pointillist|pip|setuptools|wheel)==' | sed 's/+cpu//'; } > constraints.txt

# Asks a public database of known holes: needs the network, and fails where a package could not be looked up.
audit: .venv/.python
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/pip install --quiet --disable-pip-version-check pip-audit
	.venv/audit/bin/pip-audit --strict --disable-pip --no-deps -r constraints.txt -f cyclonedx-json -o sbom.json
	.venv/audit/bin/pip-audit --strict --disable-pip --no-deps -r constraints.txt

clean:
	rm -rf .venv runs sbom.json pointillist-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
