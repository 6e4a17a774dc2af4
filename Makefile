# Each target sets up what it needs; a second call is fast. CI runs `make check` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
# One thread per worker: two processes with two threads each on two cores spend their time waiting for one another.
TEST_ENV := OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1

.PHONY: demo test check track format docs bench bench-laptop bench-writing matrix methods mutate memorise mixture prepared quality quality-qa parity soak clean

demo: .venv/.installed-demo
	$(BIN)/fewtune demo

test: .venv/.installed-dev
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist worksteal -q

check: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(TEST_ENV) $(BIN)/python -m pytest tests/shape -q -s

# The trackers against MLflow, TensorBoard and W&B themselves, which are too large for the development install (about 280 MB).
track: .venv/.installed-track
	$(BIN)/python -c "import mlflow, sqlalchemy, alembic, tensorboard, wandb"
	$(TEST_ENV) $(BIN)/python -m pytest tests/track -q -rs

format: .venv/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The tables made from the code, then the site: build/site/index.html. A broken link or a page outside the navigation stops it.
docs: .venv/.installed-docs
	$(BIN)/python -m tools.reference
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Every method on every shape of model, and beside PEFT (some minutes). Resumable; writes docs/methods-matrix.md.
matrix: .venv/.installed-dev
	$(TEST_ENV) $(BIN)/python benchmarks/matrix.py

# fewtune beside peft with transformers.Trainer: speed, memory, start (at most 20 minutes, then call it again; the machine should be
# quiet). Resumable, results in build/bench; makes docs/benchmarks.md. ARGS="--quick", ARGS="--only bert-base --rounds 5", ARGS=--help.
bench: .venv/.installed-dev
	HF_HUB_OFFLINE=1 $(BIN)/python -m benchmarks.speed $(ARGS)
	$(BIN)/python -m tools.reference

# The same on a processor without units for bf16, simulated for everybody.
bench-laptop: .venv/.installed-dev
	HF_HUB_OFFLINE=1 $(BIN)/python -m benchmarks.speed --isa avx2 $(ARGS)
	$(BIN)/python -m tools.reference

# How fast a tuned model writes, beside peft (about ten minutes; the machine should be quiet). ARGS="--isa avx2", ARGS="--only gpt2".
bench-writing: .venv/.installed-dev
	HF_HUB_OFFLINE=1 $(BIN)/python -m benchmarks.writing $(ARGS)
	$(BIN)/python -m tools.reference

# Bugs are put into a copy of the repository, planted ones and COUNT drawn at random; the tests must notice. Resumable, bounded.
# Survivors stand in build/mutate/report.md; AGAIN=1 tries them once more.
mutate: .venv/.installed-dev
	$(BIN)/python -m tools.mutate planted
	$(BIN)/python -m tools.mutate random --count $(or $(COUNT),200) $(if $(AGAIN),--again)

# Slow proofs on real data: DATA=<folder with sentiment_en_mr and intent_en_banking77>. Resumable, results in quality/.
quality: .venv/.installed-dev
	$(BIN)/python benchmarks/quality.py --data "$(DATA)" --out quality

# Question answering beside peft: twelve runs; ROWS=500 learns from at most so many questions of each set.
quality-qa: .venv/.installed-dev
	$(BIN)/python benchmarks/quality_qa.py --data "$(DATA)" --out quality-qa $(if $(ROWS),--rows $(ROWS))

# Every method at its defaults on 500 sentences (some minutes a method and seed). Resumable; makes the table in docs/methods.md.
methods: .venv/.installed-dev
	$(BIN)/python benchmarks/methods.py --data "$(DATA)" --out build/methods --speed
	$(BIN)/python -m tools.reference

parity: .venv/.installed-dev
	$(BIN)/python benchmarks/parity.py --data "$(DATA)"

# A random T5 memorises 64 sentence pairs of DATA/translation_en_vi_tatoeba, by reading (some minutes).
memorise: .venv/.installed-dev
	$(BIN)/python benchmarks/memorise.py --data "$(DATA)"

# A small real decoder learns three kinds of questions, and is asked a fourth (some minutes). Results in mixture/.
mixture: .venv/.installed-dev
	$(BIN)/python benchmarks/mixture.py --data "$(DATA)"

# Masks and truncation of two real data sets counted twice: DATA=<folder with summarization_en_mts_dialog, instruction_en_gsm8k, model_stories260k>.
prepared: .venv/.installed-dev
	$(BIN)/python benchmarks/prepared.py --data "$(DATA)"

# Labelling 100,000 and a million rows: rows a second and memory (about half an hour). Resumable, results in build/soak/.
soak: .venv/.installed-dev
	$(TEST_ENV) $(BIN)/python benchmarks/predict_soak.py

.venv/.installed-demo: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[demo]'
	touch $@

.venv/.installed-dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[demo,dev]'
	touch $@ .venv/.installed-demo

.venv/.installed-track: .venv/.installed-dev
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[track]'
	touch $@

.venv/.installed-docs: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[docs]'
	touch $@

clean:
	rm -rf .venv dist build .pytest_cache .ruff_cache
