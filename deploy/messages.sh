#!/usr/bin/env bash
# Collects the texts of pages, answers and commands into the German catalog, and compiles it. What is new is
# translated by hand in balupi_site/locale/de/LC_MESSAGES/django.po; then run this once more.
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

tell_help "$@"
need_packages xgettext=gettext
use_python
use_venv requirements-dev.txt
cd "$root"
catalog=balupi_site/locale/de/LC_MESSAGES/django.po

"$venv/bin/python" manage.py makemessages --locale de --no-obsolete --no-wrap --add-location file \
  --ignore tests --ignore simhome --ignore benchmarks --ignore data --ignore .venv --ignore deploy --ignore conftest.py
sed -i '/^"POT-Creation-Date:/d' "$catalog" # it would change with every run
msgfmt --check --statistics --output-file "${catalog%.po}.mo" "$catalog"
say "To be translated, or looked at again:"
msgattrib --untranslated --no-wrap "$catalog" || true
msgattrib --only-fuzzy --no-wrap "$catalog" || true
