#!/usr/bin/env bash
# Sets up and runs everything that must pass: style, types, layers, settings, all tests on SQLite and on PostgreSQL.
# Arguments go to pytest, for instance: deploy/test.sh energy -k flush
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

tell_help "$@"
need_packages redis-server=redis-server shellcheck=shellcheck rsync=rsync /usr/sbin/sshd=openssh-server \
  ssh=openssh-client /usr/sbin/smbd=samba smbclient=smbclient /usr/sbin/nginx=nginx-light \
  systemd-nspawn=systemd-container chromium=chromium chromedriver=chromium-driver xgettext=gettext systemd-analyze=systemd
# Debian keeps PostgreSQL's server programs out of the PATH.
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || need_packages /nonexistent/initdb=postgresql
use_python
use_venv requirements-dev.txt
cd "$root"
bin=$venv/bin
# Files as they come: sorted by their number of tests, the longest single ones would begin last.
workers=(-n "$(nproc)" --dist loadfile --no-loadscope-reorder)

if [ $# -gt 0 ]; then
  exec "$bin/pytest" "$@"
fi

deploy/check.sh

say "Pins and settings"
"$bin/python" -m pip check # known weaknesses would need a service on the Internet
check_key=$("$bin/python" -c 'import secrets; print(secrets.token_urlsafe(50))')
env BALUPI_ENV_FILE=/dev/null BALUPI_MODE=prod BALUPI_SECRET_KEY="$check_key" BALUPI_NAS_IP=192.0.2.53 \
  BALUPI_NAS_URL=http://192.0.2.53 BALUPI_PI_IP=192.0.2.2 BALUPI_NAS_MAC_ADDRESS=aa:bb:cc:dd:ee:ff \
  BALUPI_HANDSHAKE_SECRET="$check_key" BALUPI_TAPO_USERNAME=owner@example.com BALUPI_TAPO_PASSWORD="$check_key" \
  BALUPI_PIHOLE_PASSWORD="$check_key" "$bin/python" manage.py check --deploy --fail-level WARNING

say "Tests on SQLite"
"$bin/pytest" "${workers[@]}" -m "not household"

say "Tests on PostgreSQL"
postgres_dir=$(mktemp -d "${TMPDIR:-/tmp}/balupi-postgres.XXXXXX")
postgres_bin=$(dirname "$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1)")
as_postgres=()
if [ "$(id -u)" -eq 0 ]; then # PostgreSQL refuses to run as root
  chown postgres "$postgres_dir"
  as_postgres=(runuser -u postgres --)
fi
stop_postgres() {
  "${as_postgres[@]}" "$postgres_bin/pg_ctl" -D "$postgres_dir/db" -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$postgres_dir"
}
trap stop_postgres EXIT
cd "$postgres_dir"
"${as_postgres[@]}" "$postgres_bin/initdb" -D "$postgres_dir/db" -A trust -U balupi -E UTF8 --locale=C >/dev/null
"${as_postgres[@]}" "$postgres_bin/pg_ctl" -D "$postgres_dir/db" -w -l "$postgres_dir/log" \
  -o "-c listen_addresses='' -c unix_socket_directories='$postgres_dir' -c fsync=off" start >/dev/null
cd "$root"
BALUPI_DATABASE_URL="postgres://balupi@${postgres_dir//\//%2F}/postgres" "$bin/pytest" "${workers[@]}" -m "not household" \
  balupi_site energy handshake nasctl pihole

say "The whole product against the simulated home"
# These mostly wait: two more at a time than there are cores. tests/conftest.py has the longest begin first.
# What the pages look like is kept in build/pictures.
"$bin/pytest" "${workers[@]}" -n "$(($(nproc) + 2))" -m household --durations=15 --pictures build/pictures tests
say "All passed."
