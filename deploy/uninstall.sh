#!/usr/bin/env bash
# shellcheck disable=SC2034,SC2154 # variables are shared with the files read below
# Takes BaluPi off this machine: sudo deploy/uninstall.sh
# Leaves what is yours: measurements and settings (/var/lib/balupi, /etc/balupi), the data disk and its files, the accounts
# of the share, the packages.
#
#   deploy/uninstall.sh --purge   deletes measurements (on the data disk, too), backups on this card, settings and keys as
#                                 well, after a question; inbox and backups on the data disk stay
#   deploy/uninstall.sh --yes     asks nothing (with --purge: deletes without a question)
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
# What this script needs goes with /opt/balupi, so all of it is read before anything is deleted.
for part in lib services release install/share install/pihole install/purge; do
  # shellcheck source=/dev/null
  . "$here/$part.sh"
done

main() {
  tell_help "$@"
  local purge='' yes='' option
  for option in "$@"; do
    case "$option" in
      --purge) purge=1 ;;
      --yes) yes=1 ;;
      *)
        tell_use >&2
        exit 2
        ;;
    esac
  done
  [ "$(id -u)" -eq 0 ] || die "Please start this as root: sudo deploy/uninstall.sh"
  if [ -n "$purge" ] && [ -z "$yes" ]; then
    [ -t 0 ] || die "--purge without a terminal needs --yes."
    read -rp "Delete all measurements, settings and keys of BaluPi? Type 'delete': " answer
    [ "$answer" = delete ] || die "Nothing was changed."
  fi
  read_places # the settings may go
  lead_names_to_nas
  stop_services
  remove_files
  [ -z "$purge" ] || purge_data
  tell_what_stays "$purge"
}

# Sets $data_dir to nothing where it is not known for sure what lies there.
read_places() {
  python=python3 data_dir='' inbox_dir='' backup_dir='' has_postgres=''
  [ -e "$settings_file" ] || return 0
  ! wants_postgres || has_postgres=1
  { inbox_dir=$(setting INBOX_DIR) && backup_dir=$(setting BACKUP_DIR) && data_dir=$(setting DATA_DIR); } || data_dir=''
}

# The names must go on leading somewhere: with nobody here to switch them, that is the NAS.
lead_names_to_nas() {
  [ -x /usr/local/bin/balupi ] && [ -e /opt/balupi/current ] || return 0
  [ -e /etc/systemd/system/balupi-web.service ] || return 0 # another site's worker: the names are home's
  /usr/local/bin/balupi switch_dns nas ||
    echo "The names of the NAS may still lead to this Pi: look at 'Local DNS records' in Pi-hole." >&2
}

stop_services() {
  local unit
  for unit in worker web redis recover; do
    service_disable "balupi-$unit"
  done
}

remove_files() {
  rm -f /etc/systemd/system/balupi-*.service /etc/systemd/journald.conf.d/balupi.conf /usr/local/bin/balupi
  rm -rf /etc/systemd/system/balupi-*.service.d /etc/systemd/system/balupi-*.service.wants
  rm -f /etc/systemd/system/nginx.service.d/balupi.conf
  rmdir --ignore-fail-on-non-empty /etc/systemd/system/nginx.service.d 2>/dev/null || true
  reload_units
  if [ -e /etc/nginx/sites-available/balupi ]; then
    rm -f /etc/nginx/sites-enabled/balupi /etc/nginx/sites-available/balupi
    if [ -n "$(ls -A /etc/nginx/sites-enabled)" ]; then
      service_reload nginx || true
    else
      service_disable nginx # nobody else has a site
    fi
  fi
  if share_is_ours; then
    rm -f "$smb_conf"
    [ ! -e "$smb_conf.before-balupi" ] || mv "$smb_conf.before-balupi" "$smb_conf"
    service_disable smbd
  fi
  rm -rf /opt/balupi
}

purge_data() {
  rm -rf --one-file-system /etc/balupi /var/lib/balupi || true # it has said what it leaves
  # Measurements on the data disk; nothing else there is ours to delete.
  [ -z "$data_dir" ] ||
    purge_below /srv/balupi "$data_dir" "${inbox_dir:-$data_dir/inbox}" "${backup_dir:-$data_dir/backups}"
  # Never a person's account of that name.
  [ "$(id -u balupi 2>/dev/null || echo 1000)" -ge 1000 ] || userdel balupi
}

tell_what_stays() {
  local accounts
  accounts=$({ getent group balupi-inbox || true; } | cut -d: -f4 | tr , ' ')
  say "BaluPi is off this machine."
  [ -n "$1" ] || echo "Measurements and settings are still here: ${data_dir:-/var/lib/balupi}, /etc/balupi (--purge deletes them)."
  [ -z "$1" ] || [ -z "$data_dir" ] || [ ! -e "$data_dir" ] ||
    echo "Not all of $data_dir was deleted; look at what is in it: it may be the inbox, backups, or not BaluPi's."
  [ -z "$has_postgres" ] || echo "What was measured into PostgreSQL stays there, too. If nobody needs it: sudo -u postgres dropdb NAME"
  # They may be a person's, or for other shares.
  [ -z "$accounts" ] || echo "The accounts of the share stay: $accounts. One that nobody needs: sudo smbpasswd -x NAME; sudo userdel NAME"
  ! grep -q '[[:space:]]/srv/balupi[[:space:]]' /etc/fstab || echo "The data disk stays mounted at /srv/balupi (a line in /etc/fstab), with all files on it."
  ! has_pihole || echo "Pi-hole's page stays at its port: $(pihole_ports). Back to 80: sudo pihole-FTL --config webserver.port '80o,443os,[::]:80o,[::]:443os'"
  echo "The packages stay too; no longer needed are perhaps: redis-server nginx-light samba."
}

[ "${BASH_SOURCE[0]}" != "$0" ] || main "$@" # tests read this file for its parts
