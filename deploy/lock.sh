#!/usr/bin/env bash
# Makes deploy/requirements.lock and requirements-postgres.lock anew: all that a Pi installs, with what those packages need
# in turn, each pinned and with its hashes. To be run after a change of requirements.txt or requirements-postgres.txt.
# What is pinned stays as it is; with --upgrade it moves to the newest that fits.
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

tell_help "$@"
uv_version=0.13.9

use_python
# Apart from the tests' packages, which need the locks first.
tools=$(mktemp -d "${TMPDIR:-/tmp}/balupi-lock.XXXXXX")
trap 'rm -rf "$tools"' EXIT
"$python" -m venv "$tools"
"$tools/bin/pip" install --quiet --disable-pip-version-check --only-binary=:all: "uv==$uv_version"
cd "$root"

# lock_pins REQUIREMENTS LOCK [OPTION ...]: one lock for every Python from 3.11 and every processor.
# Settings of this computer's owner (another index, files of their own) must not decide what every Pi installs.
lock_pins() {
  env -u UV_INDEX -u UV_INDEX_URL -u UV_DEFAULT_INDEX -u UV_EXTRA_INDEX_URL -u UV_FIND_LINKS -u UV_CONSTRAINT -u UV_OVERRIDE \
    "$tools/bin/uv" pip compile "$1" --output-file "$2" --no-config --universal --python-version 3.11 --generate-hashes \
    --no-annotate --custom-compile-command deploy/lock.sh --quiet "${@:3}"
}

lock_pins requirements.txt deploy/requirements.lock "$@"
# The same versions, whether a Pi has PostgreSQL or not.
lock_pins requirements-postgres.txt deploy/requirements-postgres.lock --constraint deploy/requirements.lock "$@"
say "Locked: $(grep -c '==' deploy/requirements.lock) packages. Now: deploy/test.sh tests/test_wheels.py"
