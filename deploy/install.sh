#!/usr/bin/env bash
# shellcheck disable=SC2034,SC2154 # variables are shared with the files read below
# Installs BaluPi on a Raspberry Pi (Raspberry Pi OS Lite 64-bit, or Debian 12 or 13): sudo deploy/install.sh
# Can be repeated: what is as it should be is left alone, and what is known is not asked again.
#
#   deploy/install.sh            asks what it cannot find out
#   deploy/install.sh --yes      asks nothing; every setting may stand in the environment, see docs/install.md
#   deploy/install.sh --refresh  only puts the installed release's own files in their places; update.sh does that
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
for part in lib services release install/checks install/system install/disk install/pihole install/share install/finish; do
  # shellcheck source=/dev/null
  . "$here/$part.sh"
done

tell_help "$@"
mode=${1:-}
case "$mode" in
  '' | --yes | --refresh) ;;
  *)
    tell_use >&2
    exit 2
    ;;
esac
changes=0
installed_mark=/opt/balupi/.installed # an installation that came to its end

is_asking() { [ -z "$mode" ] && [ -t 0 ]; }

# confirm QUESTION: prints yes or no; without a person the answer is no.
confirm() {
  local answer=no
  if is_asking; then
    read -rp "$1 [Y/n] " answer || exit 1 # the end of input is no yes
  fi
  echo "${answer:-yes}"
}

main() {
  check_machine
  exec 7>/run/lock/balupi-install
  flock -n 7 || die "Another installation runs already."
  trap tell_unfinished EXIT
  # What is needed for the questions comes first; the rest takes its minutes when all is answered.
  need_packages ss=iproute2 lsblk=util-linux git=git
  use_python
  [ ! -e "$settings_file" ] || [ -z "$(setting SITE)" ] || die "This machine has only the worker of another site, which is installed by: sudo deploy/site.sh"
  choose_disk
  choose_pihole_move
  choose_share
  choose_admin
  owner=$(owner_of_port_80)
  [ -z "$owner" ] || [ -n "$pihole_move" ] || die "Port 80 is $owner's; BaluPi needs it, because browsers ask there for the NAS's name. Stop it for good: sudo systemctl disable --now $owner"
  mkdir -p /etc/balupi
  setup_disk
  move_pihole
  ask_settings
  say "Installing"
  need_packages redis-server=redis-server /usr/sbin/nginx=nginx-light rsync=rsync ssh=openssh-client setpriv=util-linux \
    ${wants_share:+/usr/sbin/smbd=samba}
  data_dir=$(setting DATA_DIR)
  # Without its disk, an empty database would be made on the card.
  [[ $data_dir != "$disk"/* ]] || has_disk ||
    die "BALUPI_DATA_DIR is $data_dir, but the data disk is not there: plug it in, and mount it at $disk."
  make_user
  make_folders
  close_settings
  fill_disk
  install_release
  place_files
  start_all
  setup_share
  make_admin
  touch "$installed_mark"
  finish
}

# Whatever ended it: nothing is lost, and nothing needs to be tidied up first.
tell_unfinished() {
  [ "$?" -eq 0 ] || echo "BaluPi is not installed completely. Once the cause (above) is mended, start the installer again; it goes on." >&2
}

ask_settings() {
  local defaults=()
  if has_disk; then
    defaults=(--default "INBOX_DIR=$disk/inbox" --default "BACKUP_DIR=$disk/backups")
  fi
  "$python" "$here/install/ask.py" --file "$settings_file" "${defaults[@]}" ${mode:+--yes} || exit 1
}

# A first release is put in place here; another one than the installed is an update, with all its care.
install_release() {
  local id
  id=$(make_release "$root")
  if [ -e "$installed_mark" ]; then
    [ "$(current_release)" = "$id" ] || "$here/update.sh" "$root" || exit 1
  elif [ "$(current_release)" != "$id" ]; then
    switch_release "$id"
    changed "release $id"
  fi
  release=$(readlink -f /opt/balupi/current)
}

# Everything outside /opt/balupi that comes with a release.
place_files() {
  install_command
  install_units
  install_journal_limit
  install_nginx
}

refresh() {
  [ "$(id -u)" -eq 0 ] || die "Please start this as root."
  use_python
  release=$(readlink -f /opt/balupi/current) || die "BaluPi is not installed here."
  data_dir=$(setting DATA_DIR)
  place_files
  [ -z "${is_nginx_new:-}" ] || service_reload nginx
  if share_is_ours && put "$release/deploy/smb.conf" "$smb_conf"; then
    service_restart smbd
  fi
}

if [ "$mode" = --refresh ]; then
  refresh
else
  main
fi
