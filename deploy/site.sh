#!/usr/bin/env bash
# shellcheck disable=SC2034,SC2154 # variables are shared with the files read below
# Puts BaluPi's worker on a machine in another house, to talk to the plugs there: sudo deploy/site.sh
# The first time it writes the settings that have to be filled in. From a newer tree it is the update; home comes first.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
for part in lib services release install/checks install/system install/finish; do
  # shellcheck source=/dev/null
  . "$here/$part.sh"
done
changes=0
mode=--yes # of install.sh: nothing is asked

main() {
  tell_help "$@"
  [ $# -eq 0 ] || { tell_use >&2; exit 2; }
  check_machine
  [ ! -e /etc/systemd/system/balupi-web.service ] || die "This is the BaluPi of a home; a site's worker needs a machine of its own."
  exec 7>/run/lock/balupi-install
  flock -n 7 || die "Another installation runs already."
  need_packages setpriv=util-linux git=git
  use_python
  data_dir=/var/lib/balupi
  make_user
  make_folders
  write_settings
  close_settings
  local id
  id=$(make_release "$root")
  # Before the switch: where this ends, the release of before is still the one that starts. What it says tells which
  # setting is wrong, or that the database does not answer.
  manage "$id" migrate --check >/dev/null || die "PostgreSQL of home cannot be used (above), or this release is newer than home's: update home first, then start this again."
  [ "$(current_release)" = "$id" ] || { switch_release "$id" && changed "release $id"; }
  release=$(readlink -f /opt/balupi/current)
  install_command
  put "$release/deploy/systemd/balupi-worker.service" /etc/systemd/system/balupi-worker.service && reload_units
  service_enable balupi-worker
  ! is_outdated worker || { service_restart balupi-worker && changed "balupi-worker has taken up settings and code"; }
  prune_releases
  say "The worker of the site $(setting SITE) runs. At home: sudo balupi discover_plugs --site $(setting SITE)"
}

write_settings() {
  [ ! -e "$settings_file" ] || return 0
  cat >"$settings_file" <<'END'
# What a worker at another site needs; all but the first is as in balupi.env at home.
BALUPI_SITE=
BALUPI_SECRET_KEY=
BALUPI_DATABASE_URL=
BALUPI_REDIS_URL=
BALUPI_TAPO_USERNAME=
BALUPI_TAPO_PASSWORD=
BALUPI_TIME_ZONE=Europe/Berlin
BALUPI_MODE=prod
BALUPI_DATA_DIR=/var/lib/balupi
END
  close_settings
  die "Please fill in $settings_file (docs/growing.md says with what), and start this again."
}

main "$@"
