# Two commands on a fresh machine with Python >= 3.11: 'make demo' and 'make test'.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo test constraints hashes locked audit release sign clean

demo: .venv/.runs
	$(BIN)/pointillist demo

test: .venv/.tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto --dist worksteal

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

# Of every file of each version, on any platform; but of torch, whose build each index chooses for itself.
hashes: .venv/.python
	$(PYTHON) -m venv .venv/hashes
	.venv/hashes/bin/pip install --quiet --disable-pip-version-check uv
	{ echo "# SHA-256 of the files of what constraints.txt names, without torch. Remade by 'make hashes'."; \
	  grep -v '^#\|^torch==' constraints.txt | .venv/hashes/bin/uv pip compile - --generate-hashes --universal --no-deps \
	    --python-version 3.11 --no-header --no-annotate --no-emit-index-url --quiet; } > hashes.txt

# What 'make test' installs, but nothing whose file is another one than that which was tested.
locked: .venv/.python
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r hashes.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .

# Asks a public database of known holes: needs the network, and fails where a package could not be looked up.
audit: .venv/.python
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/pip install --quiet --disable-pip-version-check pip-audit
	.venv/audit/bin/pip-audit --strict --disable-pip --no-deps -r constraints.txt -f cyclonedx-json -o sbom.json
	.venv/audit/bin/pip-audit --strict --disable-pip --no-deps -r constraints.txt

# The same commit gives the same files: times in them are the commit's.
release: .venv/.python
	$(PYTHON) -m venv .venv/release
	.venv/release/bin/pip install --quiet --disable-pip-version-check build
	rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) .venv/release/bin/python -m build --outdir dist
	$(MAKE) sign

# KEY: a private SSH key, or the public one of a key that an agent holds.
DIST = dist
sign:
	@test -n "$(KEY)" || { echo "A release must be signed; got no key. Name one: make release KEY=~/.ssh/id_ed25519"; exit 1; }
	cd $(DIST) && rm -f SHA256SUMS SHA256SUMS.sig && sha256sum -- * > SHA256SUMS
	ssh-keygen -q -Y sign -f $(KEY) -n pointillist $(DIST)/SHA256SUMS

clean:
	rm -rf .venv runs dist sbom.json pointillist-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
