# Every target sets up .venv by itself; the second time that costs nothing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# One chapter: make run CHAPTER=03_rnn_scratch
CHAPTER ?=
# Pictures of some figures only: make shots FIGURES="gates two"
FIGURES ?=
FOUND := $(if $(CHAPTER),$(wildcard book/$(CHAPTER).ipynb book/*/$(CHAPTER).ipynb),$(sort $(wildcard book/*.ipynb book/*/*.ipynb)))
NOTEBOOKS = $(or $(FOUND),$(error There is no notebook book/$(or $(CHAPTER),*).ipynb))
# What the notebooks read while they are compared: embedded (the same everywhere) or real.
CORPORA ?= embedded

# One language in the notebooks of a class (zh, en), and the library inside them: make class LANGUAGE=zh HOSTED=1
LANGUAGE ?= both
FORMAT ?= plain
SEED ?=
RUBRIC ?=
HOSTED ?=
SUBMISSIONS ?= submissions
REPORTS ?= reports

.PHONY: help book test lint units notebooks shots run chapter class grade address linkcheck lab bench experiment packs mutants clean

help: ## 列出这些命令 | list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

book: $(READY) ## 构建网页版，打开 _build/html/index.html | build the web book
	$(BIN)/python book/_tools/build.py

test: lint units notebooks ## 全部测试 | all tests

lint: $(READY) ## 代码风格 | code style
	$(BIN)/python -m ruff check . && $(BIN)/python -m ruff format --check .

units: $(READY) book ## 库、笔记本的规则、网页 | library, rules of the notebooks, web pages
	$(BIN)/python -m pytest tests -n 2 --dist loadfile

notebooks: $(READY) ## 重新运行笔记本并比较输出 | run the notebooks again and compare their outputs
	OMP_NUM_THREADS=1 RNNLIB_PROGRESS=off $(BIN)/python -m pytest -p book._tools.comparison --corpora $(CORPORA) \
		--nbval --nbval-current-env --nbval-sanitize-with tests/sanitize.cfg --nbval-cell-timeout 600 \
		-n 2 --dist loadfile $(NOTEBOOKS)

run: $(READY) ## 运行笔记本并保存输出，CHAPTER=03_rnn_scratch 只运行一章 | run notebooks and store their outputs
	$(BIN)/python book/_tools/run.py $(NOTEBOOKS)

chapter: $(READY) ## 新建一章：NAME=16_my_chapter ZH="中文标题" EN="English title" | begin a chapter
	@$(BIN)/python book/_tools/new_chapter.py "$$NAME" "$$ZH" "$$EN"

address: $(READY) ## 把 _config.yml 里的地址写进笔记本 | put the address of _config.yml into the notebooks
	$(BIN)/python book/_tools/setup_cell.py

shots: $(READY) ## 给每幅互动图拍照 | pictures of every interactive figure, in _build/shots
	$(BIN)/python book/_tools/shots.py $(FIGURES)

linkcheck: $(READY) ## 检查外部链接 | check the links to other sites
	$(BIN)/python -c 'from jupyter_book.cli.main import main; main()' build . -q --builder linkcheck --path-output _build/links

lab: $(READY) ## 在 JupyterLab 中打开本书 | open the book in JupyterLab
	$(BIN)/python -m jupyterlab book

bench: $(READY) ## 测速度，约 20 分钟，结果在 benchmarks/ 与 speed.json | speeds, about 20 minutes
	$(BIN)/python -m benchmarks

experiment: $(READY) ## 重做一次长实验：NAME=comparison | repeat a long run, results in rnnlib/results/
	$(BIN)/python -m experiments $(NAME)

packs: $(READY) ## 图用的数据，NAME="gates units" 只做这几个 | the figures' data, rnnlib/widgets/packs/
	OMP_NUM_THREADS=1 PYTHONPATH=book/_tools $(BIN)/python -m packs $(NAME)

class: $(READY) ## 给一个班的习题笔记本，写进 class/，LANGUAGE=zh HOSTED=1 SEED=2026a FORMAT=nbgrader | exercise notebooks for a class
	$(BIN)/python book/_tools/make_class.py --language $(LANGUAGE) --format $(FORMAT) --seed "$(SEED)" $(if $(HOSTED),--hosted)

grade: $(READY) ## 批改：SUBMISSIONS=文件夹 REPORTS=文件夹 SEED=2026a RUBRIC=P1 | grade a folder of submissions
	$(BIN)/python -m rnnlib.exercises grade "$(SUBMISSIONS)" --out "$(REPORTS)" --seed "$(SEED)" --rubric "$(RUBRIC)"

mutants: $(READY) ## 改坏库的代码，看测试能否发现 | break the library and see whether the tests notice
	$(BIN)/python tests/mutants.py -j 2

clean: ## 删除构建结果，保留 .venv | remove what was built, keep .venv
	rm -rf _build .pytest_cache .ruff_cache .hypothesis build dist *.egg-info

# Without the mark of a finished setup, .venv is begun anew: an interrupted setup never counts as ready.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "需要 Python 3.10 或更新的版本，例如：make PYTHON=python3.12 book"; \
		echo "Python 3.10 or newer is needed, for example: make PYTHON=python3.12 book"; exit 1; } >&2
	@{ test -e $(READY) && $(BIN)/python -c ''; } 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(READY)
