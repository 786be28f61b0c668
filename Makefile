# Verbs of the project; `make` alone lists them. All of them make and reuse .venv/ here.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check -q
SOURCES := pyproject.toml CMakeLists.txt $(shell find csrc compile training/weights -type f \
	-not -name '*.pyc' 2>/dev/null)
C_FILES := $(shell find csrc tests python -name '*.[ch]' -o -name '*.[ch]pp' 2>/dev/null)
# Up to four processes, each with whole files: those share what their tests prepare. In the order of
# tests/conftest.py, which knows what takes long.
SPREAD := -n auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder
CROSS := aarch64-linux-gnu-gcc qemu-aarch64 arm-none-eabi-gcc qemu-system-arm

.PHONY: help run test test-full test-deep bench lint clean

help:  ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

run: $(VENV)/demo.stamp  ## the shipped models on plain photos: faces, scores, verdicts, latency, pictures
	$(BIN)/python -m pocketvision.demo --out build/demo

test: $(VENV)/dev.stamp  ## every test that needs no data folder
	@for tool in $(CROSS); do command -v $$tool >/dev/null || \
		echo "note: $$tool is missing; tests that run ARM code will be skipped"; done
	$(BIN)/python -m pytest $(SPREAD) -rs -m "not shared and not full and not deep"

test-full: $(VENV)/dev.stamp  ## all tests; POCKETVISION_DATA names the data folder
	@test -d "$(POCKETVISION_DATA)" || { echo "test-full: set POCKETVISION_DATA to the folder" \
		"with lfw_112/, lfw_pairs.txt and train_112/, now: '$(POCKETVISION_DATA)'" >&2; exit 2; }
	$(BIN)/python -m pytest $(SPREAD) -rs -m "full or not full"

test-deep: $(VENV)/dev.stamp  ## LFW, limits, 100 inputs a target, fresh seeds; POCKETVISION_DATA as for test-full
	@test -d "$(POCKETVISION_DATA)" || { echo "test-deep: set POCKETVISION_DATA to the folder" \
		"with lfw_112/ and lfw_pairs.txt, now: '$(POCKETVISION_DATA)'" >&2; exit 2; }
	$(BIN)/python -m pytest $(SPREAD) -rs -m deep $(DEEP)

bench: $(VENV)/dev.stamp  ## latency beside other runtimes: a table, build/bench/here/*.json and a picture
	$(BIN)/python -m tests.bench.peers --starts 9 --work build/bench/work --out build/bench/here
	$(BIN)/python -m pocketvision.training.run.speed
	$(BIN)/python -m pytest tests/bench/suites --benchmark-only --benchmark-columns=median,iqr,rounds \
		--benchmark-json=build/bench/pytest-benchmark.json

lint: $(VENV)/dev.stamp  ## ruff, mypy and clang-format, all without changing a file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run -Werror $(C_FILES)

clean:  ## remove what was built, and .venv/
	rm -rf build dist $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks

# What the wheel's build needs lives in .venv too, so that a rebuild costs seconds, not downloads.
$(VENV)/build.stamp: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['build-system']['requires'], sep='\n')" > $(VENV)/build.txt
	$(PIP) install -r $(VENV)/build.txt ninja
	touch $@

$(VENV)/demo.stamp: $(VENV)/build.stamp $(SOURCES)
	$(PIP) install --no-build-isolation -e '.[demo,compile]'
	touch $@

$(VENV)/dev.stamp: $(VENV)/build.stamp $(SOURCES)
	$(PIP) install --no-build-isolation -e '.[dev]'
	touch $(VENV)/demo.stamp $@
