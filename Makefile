# Every target sets up .venv by itself; the second time that costs nothing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
SITE   := _build/html/index.html
# One chapter: make run CHAPTER=03_rnn_scratch
CHAPTER ?=
NOTEBOOKS := $(if $(CHAPTER),book/$(CHAPTER).ipynb,$(sort $(wildcard book/*.ipynb book/*/*.ipynb)))

.PHONY: book test units notebooks run lab bench lint clean

book: $(READY)
	$(BIN)/python book/_tools/build.py

test: $(READY) lint units notebooks

lint: $(READY)
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

units: $(READY) book
	$(BIN)/pytest tests -n 2 --dist loadfile

notebooks: $(READY)
	$(BIN)/pytest --nbval --nbval-sanitize-with tests/sanitize.cfg --nbval-cell-timeout 600 $(NOTEBOOKS)

run: $(READY)
	$(BIN)/python book/_tools/run.py $(NOTEBOOKS)

lab: $(READY)
	$(BIN)/jupyter lab book

bench: $(READY)
	$(BIN)/python -m benchmarks

clean:
	rm -rf _build .pytest_cache .ruff_cache .hypothesis build dist *.egg-info

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --requirement requirements.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(READY)
