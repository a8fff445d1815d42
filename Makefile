# farwatch: everything from a fresh machine with Python 3.11 or newer and make.
VENV   := .venv
PY     := $(VENV)/bin/python
PEERS  := .venv-peers
DECODER := .venv-asterix-decoder
STAMP  := $(VENV)/.installed
PYTHON := $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
WEB    := $(shell find web -name node_modules -prune -o -type f -print 2>/dev/null)
PIN    := $(shell command -v taskset >/dev/null 2>&1 && echo taskset -c 0)
ONE    := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: demo test check slow bench pictures clean

demo: $(STAMP)  ## track 300 simulated aircraft, live on a map in the browser
	$(VENV)/bin/farwatch demo

.PHONY: clean-page
clean: clean-page
clean-page:  ## remove the built map page
	rm -rf web/node_modules src/farwatch/page

test: $(STAMP)  ## every test but the long ones
	$(PY) -m pytest -m "not slow"

slow: $(STAMP)  ## the long ones
	$(PY) -m pytest -m slow

check: $(STAMP)  ## static checks
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench: $(STAMP) $(PEERS)/.installed $(DECODER)/.installed  ## figures beside the peers, on one core
	$(ONE) $(PIN) $(PY) benchmarks/asterix_decode.py
	$(ONE) $(PIN) $(PY) benchmarks/asterix_convert.py
	$(ONE) $(PIN) $(PY) benchmarks/asterix_encode.py
	$(ONE) $(PY) benchmarks/live.py
	$(ONE) $(PY) benchmarks/service.py
	$(ONE) $(PY) benchmarks/service_core.py
	$(ONE) $(PY) benchmarks/map_page.py
	$(ONE) $(PY) benchmarks/fuzz.py --blocks 10000000
	$(ONE) $(PIN) $(PY) benchmarks/real_radar.py
	$(ONE) $(PIN) $(PY) benchmarks/metrics.py
	$(ONE) $(PIN) $(PY) benchmarks/s300.py
	$(ONE) $(PIN) $(PY) benchmarks/b1.py
	$(ONE) $(PIN) $(PY) benchmarks/b2.py
	$(ONE) $(PIN) $(PY) benchmarks/b4.py
	$(ONE) $(PIN) $(PY) benchmarks/contact_lens.py
	$(ONE) $(PIN) $(PY) benchmarks/airborne.py
	$(ONE) $(PIN) $(PY) benchmarks/formation.py
	$(ONE) $(PIN) $(PY) benchmarks/crossing.py
	$(ONE) $(PIN) $(PY) benchmarks/b5.py
	$(ONE) $(PIN) $(PY) benchmarks/plots.py

pictures: $(STAMP)  ## those of the README, from the running demo
	$(PY) scripts/pictures.py

# Installing builds the map page (hatch_build.py), again where its sources have changed.
$(STAMP): pyproject.toml hatch_build.py $(WEB)
	@if [ -z "$(PYTHON)" ]; then echo "farwatch needs Python 3.11 or newer; none was found" >&2; exit 1; fi
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || \
		{ echo "cannot make a virtual environment: install python3-venv (Debian, Ubuntu: apt install python3-venv)" >&2; rm -rf $(VENV); exit 1; }
	$(PY) -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

# Stone Soup stands in an environment of its own.
$(PEERS)/.installed:
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check 'stonesoup==1.9.*' scipy pyarrow rtree
	@touch $@

# asterix_decoder (GPL) is run beside us, never imported.
$(DECODER)/.installed:
	$(PYTHON) -m venv $(DECODER)
	$(DECODER)/bin/python -m pip install --quiet --disable-pip-version-check 'asterix_decoder==0.7.*'
	@touch $@

clean:  ## remove what make has made
	rm -rf $(VENV) $(PEERS) $(DECODER) dist build
