# What each target does is in README.md and docs/; only Python 3.11 and make are assumed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
EXTRAS := local,demo,dev,bench,sdk,pipelines
PORT   ?= 8000
SERVE  ?= 1
SCALE  ?= short
WORKERS ?= auto
export PORT
# On a machine of one's own Attune runs on keys it makes itself (var/keys.json).
export ATTUNE_DEMO ?= 1

.PHONY: demo test check serve bench prove clean schema

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Attune needs Python 3.11 or newer; set PYTHON=") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]'
	touch $@

demo: $(VENV)/.installed
	$(BIN)/python -m config.demo $(if $(DATA),--data '$(DATA)') $(if $(DEMO_CUSTOMERS),--customers $(DEMO_CUSTOMERS)) $(if $(filter 0,$(SERVE)),--no-serve)

serve: $(VENV)/.installed
	$(BIN)/python manage.py migrate --verbosity 0
	$(BIN)/python manage.py sync_roles
	$(BIN)/python -m config.serve

test: check
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	DATABASE_URL=postgres://none@127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1/0 $(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python -m config.check

schema: $(VENV)/.installed
	$(BIN)/python manage.py spectacular --file docs/openapi.yaml

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks --scale $(SCALE)

prove: $(VENV)/.installed
	$(BIN)/python -m pytest -m prove

clean:
	-$(BIN)/python -m config.embedded clean
	rm -rf $(VENV) var
