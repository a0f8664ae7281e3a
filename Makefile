# make setup          .venv with the package and its extras
# make test           set-up, linters, the unit tests
# make mnist          set-up, real MNIST, the main training, its pictures and SavedModel
# make test-training  longer real trainings with measured floors
# make test-mutations kept mistakes, put in one at a time: do the tests notice?
# make docs          the site, English and Chinese, into site/ (an extra of its own)
# make test-soak      long load on the local server
# make bench          steps a second beside PyTorch (an extra of several hundred MB) and serving load
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
RUN := runs/cgan_mnist
# seven probes of 2,000 samples: 2 % of the training
PROBE := --probe frechet_distance,gan_test --probe-every 2000

export TF_CPP_MIN_LOG_LEVEL ?= 3

DOCS := .venv/.docs

.PHONY: setup browser test mnist docs test-training test-mutations test-soak bench

setup: $(INSTALLED)

$(INSTALLED): setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed: make PYTHON=/path/to/python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -e '.[dev]'
	@touch $@

# the page of the local server is tested in a real browser
browser: setup
	tools/install_browser.sh

test: browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(CURDIR)/$(BIN):$$PATH" tools/check_dockerfile.sh
	$(BIN)/python -m pytest -n 2 --dist worksteal

mnist: setup
	$(BIN)/tfgan-survey train cgan_mnist --output $(RUN) $(PROBE) $(if $(wildcard $(RUN)/settings.json),--resume)
	$(BIN)/tfgan-survey export $(RUN) --once
	@echo
	@echo "pictures: $(RUN)/samples.png (10x10 digits), film.gif, curves.png"
	@echo "activate: . $(BIN)/activate    (then tfgan-survey is found without its folder)"
	@echo "sample:   $(BIN)/tfgan-survey sample $(RUN) --label 7 --num 16 --output sevens.png"
	@echo "serve:    $(BIN)/tfgan-survey serve saved_models/cgan_mnist"
	@echo "go on:    $(BIN)/tfgan-survey train cgan_mnist --output $(RUN) --resume --steps N"

# strict: a link that leads nowhere or a page outside the navigation ends it
docs: $(DOCS)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet
	@echo "open site/index.html"

$(DOCS): $(INSTALLED)
	$(BIN)/python -m pip install -q -e '.[docs]'
	@touch $@

test-training: setup
	$(BIN)/tfgan-survey data prepare mnist
	$(BIN)/python -m pytest -m training

test-mutations: setup
	$(BIN)/python tools/mutations.py --jobs 2

test-soak: setup
	$(BIN)/python -m pytest -m soak

bench: setup
	$(BIN)/python -m pip install -q -e ".[benchmarks]"
	$(BIN)/python benchmarks/train_step.py
	$(BIN)/python benchmarks/serving.py saved_models/cgan_mnist
