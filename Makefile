# make demo: train on the embedded molecules and collect a library. make test: everything that is checked.
# make docs: the documentation, in build/docs; make docs-links asks the network whether what it points to is there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-slow lint bench notebooks docs docs-links reproduce-qm9 reproduce-moses reproduce-drug reproduce-smiles-moses reproduce-stereo clean

demo: $(VENV)/.run
	$(BIN)/molgan demo --out runs/demo

test: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" -n 2 --dist worksteal  # more threads than cores are several times slower

test-slow: $(VENV)/.test
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/basedpyright

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks

notebooks: $(VENV)/.test
	$(BIN)/python notebooks/build.py

# Seed 0 of the model that `MolGAN.load("qm9")` gives, from nothing, on the CPU.
reproduce-qm9: $(VENV)/.run
	$(BIN)/molgan train --config qm9-growing --seed 0 --out runs/qm9
	$(BIN)/molgan export runs/qm9 --out runs/qm9-model --compact --train qm9 \
		--data "Four in ten of the QM9 molecules without rare atom types, at random; novel is against all of QM9"

# The same of `moses`: three runs, each from the one before; twelve minutes of an H100, days of a core.
reproduce-moses: $(VENV)/.run
	$(BIN)/molgan data fetch moses
	$(BIN)/molgan train --config moses-first --data moses --seed 0 --out runs/moses-first
	$(BIN)/molgan train --config moses --start runs/moses-first --data moses --out runs/moses
	$(BIN)/molgan train --config moses-rings --start runs/moses --data moses --out runs/moses-rings
	$(BIN)/molgan export runs/moses-rings --out runs/moses-model --compact --reference moses --only moses -n 30000 \
		--data "The 1,584,663 training molecules of MOSES, nine times; the critic 400,000 of them, at random, and 60,000 for rings"

# The same of `drug`: a generator, then its critic; an hour and a half of a core. Without bfloat16 leave out `precision`.
DRUG := --condition qed --condition sa --condition logp --condition heavy_atoms
reproduce-drug: $(VENV)/.run
	$(BIN)/molgan data fetch moses
	$(BIN)/molgan data fetch zinc
	$(BIN)/python -m benchmarks.drug_data $$($(BIN)/molgan data fetch zinc)/zinc.smi.gz runs/drug-data --moses 700000
	$(BIN)/molgan train --config drug-first --data runs/drug-data/train.smi.gz --seed 0 $(DRUG) --set precision=bfloat16 --out runs/drug-first
	$(BIN)/molgan train --config drug --start runs/drug-first --data runs/drug-data/train.smi.gz --seed 0 $(DRUG) --out runs/drug
	$(BIN)/molgan export runs/drug --out runs/drug-model --compact --train runs/drug-data/train.smi.gz \
		--data "700,000 training molecules of MOSES and 222,052 of ZINC, 1.8 times each; the critic 60,000 of them"

# The odds of stereoisomers, from ZINC; 10 minutes of a core.
reproduce-stereo: $(VENV)/.run
	$(BIN)/python -m benchmarks.stereo train $$($(BIN)/molgan data fetch zinc)/zinc.smi.gz
	$(BIN)/python -m benchmarks.stereo measure $$($(BIN)/molgan data fetch zinc)/zinc.smi.gz

# `smiles-moses` of seqgan: a generator, then the critic that its draws are shown to.
reproduce-smiles-moses: $(VENV)/.run
	data=$$($(BIN)/molgan data fetch moses)/train.csv.gz && \
	$(BIN)/seqgan train --config smiles-moses-first --data $$data --seed 0 --out runs/smiles-moses-first && \
	$(BIN)/seqgan train --config smiles-moses --start runs/smiles-moses-first --data $$data --seed 0 --out runs/smiles-moses
	$(BIN)/seqgan generate runs/smiles-moses -n 30000 --out runs/smiles-moses.smi
	$(BIN)/molgan evaluate runs/smiles-moses.smi --reference moses --only moses --json > runs/smiles-moses.json
	$(BIN)/seqgan export runs/smiles-moses --out runs/smiles-moses-model --compact --figures runs/smiles-moses.json \
		--data "Training molecules of MOSES as SMILES: one pass over 882,000 of them at random"

docs: $(VENV)/.docs
	$(BIN)/sphinx-build -q -W --keep-going docs build/docs

docs-links: $(VENV)/.docs
	$(BIN)/sphinx-build -b linkcheck docs build/docs-links

clean:
	rm -rf $(VENV) build dist runs .pytest_cache .ruff_cache .hypothesis *.egg-info

# Each stamp holds one set of packages; it is made anew when what it depends on has changed.
$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e ".[test]"
	touch $@ $(VENV)/.run

$(VENV)/.docs: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e ".[docs]"
	touch $@ $(VENV)/.run

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e ".[dev]"
	touch $@ $(VENV)/.test $(VENV)/.run
