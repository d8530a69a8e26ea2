# Everything a newcomer types. Each target does its own set-up; all of them work a second time.
#
#   make demo        the story on a three-host lab: real Docker engines, etcd with TLS, BIRD, kernel routes
#                    (POOL=ipip: with IPIP, on a kernel that has it)
#   make test        linters, types, import contracts and all tests; its last line is pytest's summary
#   make test-core   the same without hosts that boot systemd, a real kube-apiserver, a browser, and a kernel of its own
#   make test-fast   the pure stages only, no root needed once set up
#   make lint        ruff, mypy, import contracts
#   make docs        the pages that are made from the code, and the site of all documents in build/site
#   make screenshots   the pictures of the page in docs/images, taken anew in a browser
#   make worlds      clusters that nobody wrote down, as many as fit: SECONDS=3600 SEED=7 WORKERS=2
#   make uml         all tests on the kernel that has IPIP, also those that `make test` leaves out as they are slow
#   make fuzz        bytes from outside, guided by coverage: RUNS=1000000 SEED=7 TARGETS="bird log"
#   make wireguard   our reading of WireGuard held against a kernel that has it, in an emulator (downloads 100 MB once)
#   make packages-test   the Debian packages and the guides on hosts that boot Debian 12 and 13, installed from nothing
#   make bench       the budgets, measured in one run (twenty minutes); writes build/bench.json
#   make campaign    what the agents say of a lab that is broken in each way of a catalogue; writes
#                    docs/reference/campaign.md (ONLY="etcd-stopped link-down", PAIRS=40 SEED=7; an hour and a half)
#   make clean       remove .venv, build and dist
#
# What hosts are given (docs/install.md); it comes into dist/:
#
#   make deb         the Debian package for this machine's release (DEBIAN=13: for that one)
#   make wheel       calico-agent alone, for pip
#   make wheelhouse  with all that it needs, for pip without a network (PYTHON_VERSION=3.13: for that Python)
#   make image       a Docker image (BASE=debian:12-slim, IMAGE=calico-agent)
#   make install     from this checkout, below PREFIX=/usr/local and DESTDIR=; make uninstall takes it away again
#   make lock        choose the newest versions of all that hosts and packages need, with hashes
#   make sbom        what of others is in it, in CycloneDX's form
#   make audit       known holes in the locked versions (asks PyPI)
#   make oldest      the pure tests with the oldest dependencies that pyproject.toml allows, on Debian 12 and 13

SHELL := /bin/bash
.DELETE_ON_ERROR:
# Python keeps what it has compiled, whatever the environment says: the tests start it some hundred times.
export PYTHONDONTWRITEBYTECODE :=

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PACKAGES := tests/packages.txt tests/lab/packages.txt
# Most tests that take their time wait: three of them keep two cores busy, with one lab each. In the order of
# tests/conftest.py: by itself pytest-xdist keeps files of few tests for the end, and those take longest.
PARALLEL := -n 3 --dist loadfile --no-loadscope-reorder
# The pure stages, each with its tests beside it.
PURE := $(addprefix tests/,adopt checks expected faults identity model plan report sources) tests/test_replay.py \
  tests/test_timelines.py tests/reference tests/test_docs.py tests/test_dependencies.py tests/test_purity.py tests/test_caches.py \
  tests/test_secret.py tests/test_text.py tests/test_tree.py

.PHONY: package-tree packages-test demo test test-core test-fast worlds wireguard bench docs lint setup packages kube-apiserver clean

# With IPIP, which the machine's kernel may lack, the hosts get one of their own.
demo: setup $(if $(findstring ipip,$(POOL)),uml-kernel)
	@POOL=$(POOL) $(BIN)/python -m tests.demo

# The kernel in tests/uml has one processor and bears nothing beside it: a stage of its own.
test: setup uml-kernel kube-apiserver package-tree browser
	@$(BIN)/python -m pytest $(PARALLEL) --ignore=tests/uml --ignore=tests/packages/test_debian_13.py
	@$(BIN)/python -m pytest tests/uml -m "not slow"

test-core: setup
	@$(BIN)/python -m pytest $(PARALLEL) --ignore=tests/systemd --ignore=tests/kube_apiserver --ignore=tests/uml \
	  --ignore=tests/packages/test_debian_12.py --ignore=tests/packages/test_debian_13.py --ignore=tests/browser

bench: setup
	@$(BIN)/python -m tests.bench

.PHONY: campaign
campaign: setup
	@exec $(BIN)/python -m tests.campaign --pairs $(or $(PAIRS),0) --seed $(SEED) $(if $(ONLY),--only $(ONLY))

test-fast: $(STAMP)
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not real and not lab" --hypothesis-profile=quick $(PURE)

SECONDS ?= 60
SEED ?= 1
worlds: $(STAMP)
	@exec $(BIN)/python -m tests.worlds --seconds $(SECONDS) --seed $(SEED) $(if $(WORKERS),--workers $(WORKERS))

RUNS ?= 1000000
.PHONY: fuzz
fuzz: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	@exec $(BIN)/python -m tests.fuzz --runs $(RUNS) --seed $(SEED) $(TARGETS)

docs: $(STAMP)
	@$(BIN)/mkdocs --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --editable '.[docs]'
	@$(BIN)/python -m tests.reference
	@$(BIN)/mkdocs build --quiet --strict
	@echo build/site/index.html

wireguard: setup
	@tests/install-packages tests/wireguard/packages.txt
	@$(BIN)/python -m pytest tests/wireguard/check_real_kernel.py

lint: $(STAMP)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

setup: packages $(STAMP)

# Built once a machine, in six minutes at the least, and kept in the user's cache.
kube-apiserver: setup
	@$(BIN)/python -m tests.kube_apiserver.binary --has-go || $(BIN)/python -m pip install --quiet \
	  --disable-pip-version-check --editable '.[kube]'
	@$(BIN)/python -m tests.kube_apiserver.binary >/dev/null

# What the page looks like, and to whom it can be read.
.PHONY: browser screenshots
browser: setup
	@tests/install-packages tests/browser/packages.txt

screenshots: browser
	@$(BIN)/python -m tests.browser

# The tree of a fresh Debian is made once a machine, in two minutes, and kept in the user's cache.
package-tree: setup
	@tests/install-packages tests/packages/packages.txt packages/packages.txt
	@$(BIN)/python -m tests.packages.trees 12 >/dev/null

# Debian 13 goes the same ways as Debian 12, which `make test` does; here both.
packages-test: package-tree
	@$(BIN)/python -m tests.packages.trees 13 >/dev/null
	@$(BIN)/python -m pytest tests/packages

packages:
	@tests/install-packages $(PACKAGES)

.PHONY: uml uml-kernel
uml: uml-kernel
	@$(BIN)/python -m pytest tests/uml

uml-kernel: setup
	@tests/install-packages tests/uml/packages.txt

$(STAMP): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

clean:
	rm -rf $(VENV) build dist

# --- what hosts are given ---

TOOLS ?= build/tools
TOOLS_STAMP := $(TOOLS)/.installed
CACHE ?= build/cache
DIST ?= dist
DEBIAN ?= $(shell . /etc/os-release && echo $$VERSION_ID)
PYTHON_VERSION ?= $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
PREFIX ?= /usr/local
BASE ?= debian:12-slim
IMAGE ?= calico-agent
IMAGE_PYTHON ?= 3.11
# The same commit makes the same bytes.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || date -r CHANGELOG.md +%s)

.PHONY: deb wheel wheelhouse image install uninstall lock
deb: $(TOOLS_STAMP)
	@tests/install-packages packages/packages.txt
	@$(TOOLS)/bin/python -m packages.deb $(DIST) --debian $(DEBIAN) --cache $(CACHE) $(if $(REVISION),--revision $(REVISION))

wheel: $(TOOLS_STAMP)
	@$(TOOLS)/bin/python -m packages.archive $(DIST) --wheel --python $(PYTHON_VERSION) --cache $(CACHE)

wheelhouse: $(TOOLS_STAMP)
	@$(TOOLS)/bin/python -m packages.archive $(DIST) --python $(PYTHON_VERSION) --cache $(CACHE)

image: $(TOOLS_STAMP)
	@$(TOOLS)/bin/python -m packages.image $(IMAGE) --base $(BASE) --python $(IMAGE_PYTHON) --cache $(CACHE)

install: $(TOOLS_STAMP)
	@$(TOOLS)/bin/python -m packages.layout --destdir=$(DESTDIR)/ --prefix=$(PREFIX) --cache $(CACHE) \
	  --python $(PYTHON_VERSION) --interpreter $$($(PYTHON) -c 'import os, sys; print(os.path.realpath(sys._base_executable))')

uninstall: $(TOOLS_STAMP)
	@$(TOOLS)/bin/python -m packages.layout --destdir=$(DESTDIR)/ --prefix=$(PREFIX) --remove

lock: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[lock]'
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	  pyproject.toml --output-file packages/requirements.txt
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	  packages/tools.in --output-file packages/tools.txt

.PHONY: sbom audit oldest
SUPPLY := build/supply
$(SUPPLY)/.installed: packages/requirements.txt pyproject.toml
	@test -x $(SUPPLY)/tools/bin/python || $(PYTHON) -m venv $(SUPPLY)/tools
	@$(SUPPLY)/tools/bin/python -m pip install --quiet --disable-pip-version-check 'cyclonedx-bom>=7,<8' 'pip-audit>=2.9,<3'
	@rm -rf $(SUPPLY)/hosts && $(PYTHON) -m venv --without-pip $(SUPPLY)/hosts
	@$(SUPPLY)/tools/bin/python -m pip --python $(SUPPLY)/hosts/bin/python install --quiet --disable-pip-version-check \
	  --no-deps --require-hashes --requirement packages/requirements.txt
	@touch $@

sbom: $(SUPPLY)/.installed
	@mkdir -p $(DIST)
	@$(SUPPLY)/tools/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
	  --output-file $(DIST)/calico-agent.cdx.json $(SUPPLY)/hosts/bin/python
	@echo $(DIST)/calico-agent.cdx.json

audit: $(SUPPLY)/.installed
	@$(SUPPLY)/tools/bin/pip-audit --strict --disable-pip --require-hashes --requirement packages/requirements.txt

oldest: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[lock]'
	@tests/install-packages tests/packages/packages.txt
	@for debian in 12 13; do $(BIN)/python -m tests.packages.dependencies oldest --debian $$debian || exit 1; done

$(TOOLS_STAMP): packages/tools.txt
	@test -x $(TOOLS)/bin/python || $(PYTHON) -m venv $(TOOLS) || { echo "on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement packages/tools.txt
	@touch $@
