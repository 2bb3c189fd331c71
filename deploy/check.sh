#!/usr/bin/env bash
# What must be right before a commit, in two minutes at most: style, types, layers, migrations, and the numbers of the house.
# --fix puts right first what can be put right by itself. deploy/test.sh begins with this and goes on with the tests.
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

tell_help "$@"
need_packages shellcheck=shellcheck
use_python
use_venv requirements-dev.txt
cd "$root"
bin=$venv/bin

if [ "${1:-}" = --fix ]; then
  "$bin/ruff" check --fix-only --quiet .
  "$bin/ruff" format --quiet .
fi

say "Style, types, layers"
"$bin/ruff" check .
"$bin/ruff" format --check .
shellcheck -x -P SCRIPTDIR deploy/balupi deploy/*.sh deploy/install/*.sh
"$bin/mypy" .
"$bin/lint-imports"

say "Migrations"
"$bin/python" manage.py makemigrations --check --dry-run

say "The house"
"$bin/python" deploy/house.py
