# `make run` opens the app; `make test` runs the tests. Both set everything up first.
VENV   ?= .venv
PYTHON ?= python3
OUT    ?= out
PYTEST_ARGS ?= -n 2 --dist worksteal
BIN     = $(VENV)/bin
STAMP   = $(VENV)/.installed

export GRADSCAPE_DATA

.PHONY: run test lessons lint bench clean

# With a display the window opens; without one the same window runs offscreen and leaves its
# accuracy and pictures in $(OUT)/.
run: $(STAMP)
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then \
	  $(BIN)/python -m app lenet5; \
	else \
	  QT_QPA_PLATFORM=offscreen $(BIN)/python -m app --demo $(OUT); \
	fi

# Two processes; whoever is done takes tests from the other, and a third would starve what yields to
# everything else, such as t-SNE. `make test PYTEST_ARGS="-x tests/app"` runs others. One thread
# each: processes whose threads wait for each other in a loop would hold two cores up. What Python
# compiles is kept, also where the environment would not have it: every process reads it again.
# A story that waits for the clock may fail beside another process: what failed runs once more, alone.
test: export OMP_NUM_THREADS ?= 1
test: export PYTHONDONTWRITEBYTECODE =
test: $(STAMP)
	QT_QPA_PLATFORM=$${QT_QPA_PLATFORM:-offscreen} $(BIN)/python -m pytest -q $(PYTEST_ARGS) \
	  || { [ $$? = 1 ] && QT_QPA_PLATFORM=$${QT_QPA_PLATFORM:-offscreen} \
	       $(BIN)/python -m pytest -q --last-failed --last-failed-no-failures none; }

# Every lesson is played once without a window and held to what it says.
lessons: $(STAMP)
	$(BIN)/python -m app lesson check resources/courses --allow-missing

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python -m app bench

$(STAMP): pyproject.toml .ci/constraints.txt .ci/setup
	.ci/setup $(PYTHON) $(VENV)
	touch $@

clean:
	rm -rf $(VENV) $(OUT)
