# make report | test | lab | exercises | bench | soak | oldest | clean      (make report ARGS="01 -p path my_scan.dcm")
# Each sets up what it needs in .venv, once. Another Python: make PYTHON=python3.12 report

PYTHON ?= python3
PY := .venv/bin/python
ARGS ?=
ONLY ?=
OUT ?= my_exercises

.PHONY: help report test lab exercises bench soak oldest clean moved
.DEFAULT_GOAL := help

help:
	@echo "make report   run every lesson and write reports/index.html"
	@echo "make test     run the test suite"
	@echo "make lab      open the lessons in JupyterLab"
	@echo "make exercises  students' copies of the exercises, in my_exercises (make exercises OUT=folder)"
	@echo "make bench    time and score against peers (one entry: make bench ONLY=name)"
	@echo "make soak     run a small notebook 200 times and count those that hang"
	@echo "make oldest   run the test suite with the oldest allowed versions, in .venv-oldest"
	@echo "make clean    remove the set-up and all reports; data stays"

report: .venv/.student
	@$(PY) -m medlab report $(ARGS)

test: .venv/.test
	@$(PY) -m pytest $(ARGS)

lab: .venv/.student
	@$(PY) -m jupyterlab notebooks $(ARGS)

exercises: .venv/.teach
	@PATH="$(CURDIR)/.venv/bin:$$PATH" $(PY) -m medlab exercises --out "$(OUT)" $(ARGS)

bench: .venv/.test
	@$(PY) -m tests.bench $(ONLY)

soak: .venv/.test
	@$(PY) -m tests.soak $(ARGS)

oldest: .venv/.test
	"$(PYTHON)" -m venv .venv-oldest
	$(PY) -m tests.oldest > .venv-oldest/constraints.txt
	.venv-oldest/bin/python -m pip install --quiet -r requirements.txt -e '.[test]' -c .venv-oldest/constraints.txt
	.venv-oldest/bin/python -m pytest $(ARGS)

clean:
	rm -rf .venv .venv-oldest reports build medlab.egg-info .pytest_cache .ruff_cache .hypothesis
	find medlab tests notebooks \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

# A stamp says what is installed and for which folder: an environment survives neither a move nor the loss of its Python.
ifneq ($(shell .venv/bin/python -c '' 2>/dev/null && cat .venv/.folder),$(CURDIR))
.venv/.student: moved
endif

.venv/.student: requirements.txt pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || { echo "medlab: there is no '$(PYTHON)'. Install Python 3.11 or newer, or name yours: make PYTHON=/path/to/python3 ..."; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "medlab: needs Python 3.11 or newer, '$(PYTHON)' is $$("$(PYTHON)" --version 2>&1). Name another: make PYTHON=python3.12 ..."; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "medlab: '$(PYTHON)' comes without venv. On Debian or Ubuntu: sudo apt install python3-venv"; exit 1; }
	@echo "medlab: setting up .venv (once; some minutes and up to 7 GB with CUDA, see requirements.txt for the small build)"
	@.venv/bin/python -c '' 2>/dev/null || "$(PYTHON)" -m venv --clear .venv
	@"$(PYTHON)" -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@printf '%s\n' "$(CURDIR)" > .venv/.folder
	@touch $@

.venv/.teach: .venv/.student
	$(PY) -m pip install --quiet --disable-pip-version-check -e '.[teach]'
	@touch $@

.venv/.test: .venv/.student
	$(PY) -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@
