# User, folders, units, the command "balupi", nginx, the journal. Sourced by install.sh; each step does nothing the second time.
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the others

# put SOURCE TARGET [MODE]: installs a file where it differs; tells it, and returns 1 where nothing changed.
# Never behind a pipe, where what it counts would be lost.
put() {
  local source=$1 target=$2 mode=${3:-0644} fresh
  fresh=$(mktemp "$(dirname "$target")/.balupi.XXXXXX")
  cat "$source" >"$fresh" || die "$source cannot be read; is this a whole copy of BaluPi?"
  if cmp -s "$fresh" "$target" && [ "$(stat -c %a "$target")" = "${mode#0}" ]; then
    rm -f "$fresh"
    return 1
  fi
  chmod "$mode" "$fresh"
  mv -f "$fresh" "$target"
  changed "$target"
}

changed() {
  changes=$((changes + 1))
  printf '  %s\n' "$*"
}

make_user() {
  getent passwd balupi >/dev/null || {
    useradd --system --user-group --home-dir "$data_dir" --no-create-home --shell /usr/sbin/nologin balupi
    changed "user balupi"
  }
}

make_folders() {
  folder /opt/balupi root root 0755
  folder /etc/balupi root balupi 0750
  # nginx may go through it to the NAS-built page, which is open; all else in it is closed to others.
  folder "$data_dir" balupi www-data 0710
  # Files of an earlier life (a user with another number, a command run as root) could not be written.
  if find "$data_dir" -xdev -mindepth 1 ! -user balupi -print -quit | grep -q .; then
    find "$data_dir" -xdev -mindepth 1 ! -user balupi -exec chown -h balupi:balupi {} +
    changed "all in $data_dir belongs to balupi"
  fi
}

close_settings() {
  [ "$(stat -c '%U %G %a' "$settings_file")" = "root balupi 640" ] && return
  chown root:balupi "$settings_file"
  chmod 0640 "$settings_file"
  changed "$settings_file"
}

# folder PATH OWNER GROUP MODE
folder() {
  [ "$(stat -L -c '%U %G %a' "$1" 2>/dev/null)" = "$2 $3 ${4#0}" ] && return
  install -d -o "$2" -g "$3" -m "$4" "$1"
  changed "$1"
}

install_units() {
  local unit is_new=
  for unit in "$release"/deploy/systemd/*.service; do
    put "$unit" "/etc/systemd/system/$(basename "$unit")" && is_new=1
  done
  for unit in web worker; do
    put <(one_more "$unit" "$release") "/etc/systemd/system/balupi-$unit@.service" && is_new=1
  done
  # A database on the data disk: no start without it, or an empty one would be made on the card.
  for unit in web web@ worker worker@ recover; do
    case "$data_dir" in
      /srv/balupi/*)
        mkdir -p "/etc/systemd/system/balupi-$unit.service.d"
        put <(printf '[Unit]\nRequiresMountsFor=/srv/balupi\n') "/etc/systemd/system/balupi-$unit.service.d/data-disk.conf" && is_new=1
        ;;
    esac
  done
  [ -z "$is_new" ] || reload_units
}

# one_more web|worker RELEASE: its unit as that of more such processes (docs/growing.md), which start with the first; of
# web, the name is the port. No PartOf=: when the first has died and systemd starts it again, it would restart all others
# as well, among them the one that leads since. services.sh stops them.
one_more() {
  local listen=()
  [ "$1" != web ] || listen=(-e 's/^ExecStart=/Environment=BALUPI_LISTEN=127.0.0.1:%i\n&/')
  sed -e "s/^Description=.*/Description=One more balupi-$1 (%i)/" \
    -e 's/^RuntimeDirectory=.*/RuntimeDirectory=%p-%i/' \
    -e "s/^WantedBy=.*/WantedBy=balupi-$1.service/" \
    -e "s/^After=.*/& balupi-$1.service/" "${listen[@]}" "$2/deploy/systemd/balupi-$1.service"
}

install_command() {
  put "$release/deploy/balupi" /usr/local/bin/balupi 0755 || true
}

install_journal_limit() {
  mkdir -p /etc/systemd/journald.conf.d
  # All that BaluPi says goes to the journal; the card is spared, and never filled.
  if put <(printf '[Journal]\nSystemMaxUse=64M\nRuntimeMaxUse=16M\n') /etc/systemd/journald.conf.d/balupi.conf; then
    ! has_systemd || systemctl try-restart systemd-journald
  fi
}

install_nginx() {
  local site=/etc/nginx/sites-available/balupi before='' site_text
  mkdir -p /etc/systemd/system/nginx.service.d
  ! put "$release/deploy/systemd/nginx-restart.conf" /etc/systemd/system/nginx.service.d/balupi.conf || reload_units
  [ ! -e "$site" ] || before=$(cat "$site")
  site_text=$(/usr/local/bin/balupi nginx_config)
  put <(printf '%s\n' "$site_text") "$site" && is_nginx_new=1
  if [ ! -L /etc/nginx/sites-enabled/balupi ]; then
    ln -s "$site" /etc/nginx/sites-enabled/balupi
    changed /etc/nginx/sites-enabled/balupi
    is_nginx_new=1
  fi
  # Debian's sample page listens as the default server too; one that somebody has made his own is not touched.
  if [ -L /etc/nginx/sites-enabled/default ] && is_sample_page; then
    rm /etc/nginx/sites-enabled/default
    changed "Debian's sample page is off (/etc/nginx/sites-enabled/default)"
    is_nginx_new=1
  fi
  [ -n "${is_nginx_new:-}" ] || return 0
  nginx -t -q 2>&1 || {
    # What works now must work after the next start too.
    if [ -n "$before" ]; then
      printf '%s\n' "$before" >"$site"
    else
      rm -f /etc/nginx/sites-enabled/balupi "$site"
    fi
    die "nginx does not accept the configuration (above). Does another site in /etc/nginx/sites-enabled claim port 80 as 'default_server'? Mend it and start the installer again."
  }
}

is_sample_page() {
  dpkg-query --show --showformat '${Conffiles}\n' nginx-common 2>/dev/null |
    grep -q "/sites-available/default $(md5sum </etc/nginx/sites-enabled/default | cut -d' ' -f1)"
}

# The program that port 80 belongs to; nothing where that is nginx or nobody.
owner_of_port_80() {
  ss -Hltnp 'sport = :80' | sed -n '/"nginx"/d; s/.*users:(("\([^"]*\)".*/\1/p' | sed -n 1p
}
