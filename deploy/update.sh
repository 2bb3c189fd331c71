#!/usr/bin/env bash
# Brings an installed BaluPi to the release of this tree: sudo deploy/update.sh
# The new release is made and tried beside the one that runs. What fails is taken back, the database included, and a
# Pi that loses its power in the middle takes it back at its next start.
#
#   deploy/update.sh [SOURCE] [--yes]   to the release of SOURCE, a git work tree or a folder (default: this one);
#                                       --yes: also to an older version
#   deploy/update.sh --rollback [--yes] back to the release before the last update; if the update changed the database,
#                                       it is put back as it was then, which --yes agrees to
#   deploy/update.sh --recover          ends an update that was cut off; the Pi does this by itself when it starts
#   deploy/update.sh --status           what is installed, and whether an update is under way

# (Long, and one file all the same: each step has its way back, and to see that they fit one must see both.)
set -euo pipefail
shopt -s inherit_errexit
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
# shellcheck source=deploy/lib.sh
. "$here/lib.sh"
# shellcheck source=deploy/services.sh
. "$here/services.sh"
# shellcheck source=deploy/release.sh
. "$here/release.sh"

journal=$opt/update.journal # what is under way; the next one who looks must be able to end it by this alone
last=$opt/update.last       # the last update that went well
log=/run/balupi-update.log
lock=/run/lock/balupi-update
healthy_s=90 # a Pi 3 needs 15 s for both processes
need_mb=350  # one release with its Python packages

main() {
  local source=$root action=update yes='' word
  for word in "$@"; do
    case "$word" in
      --yes) yes=1 ;;
      --recover | --rollback | --status) action=${word#--} ;;
      -*)
        tell_use >&2
        exit 2
        ;;
      *) source=$word ;;
    esac
  done
  [ "$action" != status ] || { tell_status && exit 0; }
  [ "$(id -u)" -eq 0 ] || die "Please start this as root: sudo deploy/update.sh"
  if [ "$action" = recover ] && [ ! -e "$journal" ]; then
    exit 0 # it went to its end
  fi
  [ -n "$(current_release)" ] || die "BaluPi is not installed here: sudo deploy/install.sh"
  [ -z "$(setting SITE)" ] || die "This machine has only the worker of another site, which is updated by: sudo deploy/site.sh"
  can_run_services || die "No systemd runs here, so nothing can be stopped and started. A program that does it can be named: BALUPI_SERVICE_COMMAND, see deploy/services.sh."
  if [ -z "$helper" ] && [ "$action" != recover ] && [ -z "${BALUPI_UPDATE_UNIT:-}" ]; then
    run_in_unit "$action" "$source" "$yes"
  fi
  mkdir -p /run/lock # systemd makes it, where there is one
  exec 9>"$lock"
  # What a killed update has left running holds the lock too, so its last command is waited for.
  flock --wait "$([ "$action" = recover ] && echo 600 || echo 1)" 9 || die "Another update is under way: deploy/update.sh --status"
  end_unfinished
  case "$action" in
    update) update "$source" "$yes" ;;
    rollback) go_back "$yes" ;;
    recover) ;;
  esac
}

# run_in_unit ACTION SOURCE YES: goes on as a service of its own, which a lost connection does not end, and what is left
# of it after a kill is ended by its second half.
run_in_unit() {
  local words=() name code=0 job unit=balupi-update-$$ # systemd forgets the last one a moment after its end
  case "$1" in
    update) words=("$2") ;;
    *) words=("--$1") ;;
  esac
  [ -z "$3" ] || words+=(--yes)
  local environment=(--setenv=BALUPI_UPDATE_UNIT=yes)
  # As systemd reads a command: spaces are between quotes, % and $ are doubled.
  local recover=${here//%/%%}/update.sh
  recover=${recover//\$/\$\$}
  for name in $(compgen -e); do
    case "$name" in
      PIP_* | BALUPI_UPDATE_STOP_AT | BALUPI_PYTHON | *_proxy | *_PROXY | SSL_CERT_* | LANG | LC_*) environment+=(--setenv="$name") ;;
    esac
  done
  mkdir -p /run/lock
  flock --nonblock "$lock" true || die "Another update is under way: deploy/update.sh --status"
  install -m 0640 /dev/null "$log"
  # Ctrl-C asks the update to end, which takes it back; what it says until then is still shown.
  trap 'systemctl kill --kill-who=main --signal=TERM '"$unit"' 2>/dev/null || true' INT TERM
  setsid systemd-run --quiet --collect --wait --unit="$unit" --description="BaluPi: update" \
    --property=StandardOutput="append:$log" --property=StandardError="append:$log" --property=KillMode=mixed \
    --property=TimeoutStopSec=900 --property=WorkingDirectory=/ --property=ExecStopPost="\"$recover\" --recover" \
    "${environment[@]}" "$here/update.sh" "${words[@]}" &
  job=$!
  setsid tail --lines=+1 --follow --sleep-interval=0.2 --pid="$job" "$log" &
  while kill -0 "$job" 2>/dev/null; do
    code=0
    wait "$job" || code=$?
  done
  wait
  exit "$code"
}

# --- the update ---------------------------------------------------------------------------------------------------

update() {
  local source=$1 yes=$2
  old=$(current_release)
  check_space
  step make-release
  new=$(make_release "$source")
  [ "$new" != "$old" ] || { say "Release $old is installed already." && exit 0; }
  refuse_downgrade "$yes"
  step preflight
  preflight
  step online-backup
  backup=$(backup_folder)/before-update-$old.backup
  say "Making a backup while $old runs"
  manage "$old" backup --to "$backup"
  change "$pending"
}

# go_back YES: what the last update did, backwards and with the same care.
go_back() {
  local before='' saved=''
  [ ! -e "$last" ] || { before=$(value_of "$last" old) && saved=$(value_of "$last" backup); }
  old=$(current_release)
  if [ -z "$before" ] || [ "$(value_of "$last" new)" != "$old" ] || [ ! -e "$opt/releases/$before/.complete" ]; then
    die "The release before $old is not known or not here any more. Give the tree to go to: deploy/update.sh SOURCE --yes"
  fi
  new=$before
  if [ -n "$saved" ]; then
    [ -n "$1" ] || die "The update from $before to $old has changed the database. It would be put back as it was on $(date -r "$saved" '+%Y-%m-%d %H:%M'); what was measured since then would be lost. If you want that: deploy/update.sh --rollback --yes"
    restore_from=$saved
  fi
  backup=$(backup_folder)/before-rollback-$old.backup
  change "${saved:+pending}"
}

# change PENDING: from $old to $new; pending: the database changes too.
change() {
  trap 'take_back' EXIT
  trap 'failed_at="it was told to end"; exit 1' INT TERM HUP
  say "From $old to $new"
  [ "$1" = pending ] || backup=
  failed_at=
  note_phase stopping
  if [ "$1" = pending ]; then
    step stop
    stop_processes
    failed_at="the backup failed"
    step backup
    # Nothing writes any more: this one has all of it.
    manage "$old" backup --to "$backup" >/dev/null
    note_phase migrating
    step migrate
    failed_at="the database could not be changed"
    change_database
    step migrated
  fi
  note_phase starting
  step switch
  failed_at="the release could not be put in its place"
  switch_release "$new"
  step place-files
  place_files
  # Without a change of the database the old ones have run until now; each knows its own release's folder.
  step restart
  stop_processes
  step start
  failed_at="$new does not start"
  start_processes
  step health
  wait_until_healthy "$new"
  note_phase healthy
  trap '' INT TERM HUP
  trap - EXIT
  step finish
  say "$new works; its pages were away for about $away_s s."
  finish
}

change_database() {
  if [ -n "${restore_from:-}" ]; then
    say "Putting the database back"
    manage "$new" restore "$restore_from" --yes --no-migrate >/dev/null
  else
    say "Changing the database"
    manage "$new" migrate --no-input --verbosity 1
  fi
  sync -f "$(data_folder)"
}

# finish: all that is left after a good end; done again if it is cut off.
finish() {
  printf 'old=%s\nnew=%s\nbackup=%s\n' "$old" "$new" "$backup" >"$last.new"
  move_durably "$last.new" "$last"
  # Of these copies only the one that --rollback needs is kept; the nightly ones have their own rules.
  find "$(backup_folder)" -maxdepth 1 -name 'before-*.backup*' ! -name "before-*-$old.backup" -delete
  rm -f "$journal"
  sync "$opt"
  prune_releases
}

# --- the way back -------------------------------------------------------------------------------------------------

# take_back: ends whatever change did, when it did not come to its end.
take_back() {
  trap '' INT TERM HUP
  trap - EXIT
  say "Not updated: ${failed_at:-it was cut off}. Going back to $old."
  tell_why
  roll_back
  say "Nothing was updated."
  exit 1
}

tell_why() {
  case "${failed_at:-}" in
    *"does not start") for unit in web worker; do
      printf 'The last words of balupi-%s:\n' "$unit"
      service_log "balupi-$unit" | sed 's/^/  /'
    done ;;
  esac
}

# roll_back: from any phase to the old release; ends this script where that fails. May be cut off and done again.
roll_back() {
  local code=0
  set +e # not "roll_back_steps ||", which would go on after an error inside
  (set -e && roll_back_steps)
  code=$?
  set -e
  [ "$code" -eq 0 ] ||
    die "$old could not be put back, or does not work either (above). It is noted; once that is mended: sudo deploy/update.sh --recover"
  say "$old is back$([ -z "$backup" ] || echo ", with its database")."
}

roll_back_steps() {
  stop_processes
  if [ -n "$backup" ] && [[ $phase =~ ^(migrating|starting)$ ]]; then
    step restore
    restore_backup
  fi
  if [[ $phase =~ ^(starting|restored)$ ]]; then
    step switch-back
    switch_release "$old"
    place_files || say "The files of $old outside $opt could not be put back (above): sudo deploy/install.sh --refresh"
  fi
  # From here on the old release may write, so the database must not be put back once more.
  note_phase restored
  step start-old
  start_processes
  is_boot || wait_until_healthy "$old"
  rm -f "$journal"
  sync "$opt"
}

# restore_backup: with a copy of what it replaces, for the case that this was cut off days ago; without where there is no room.
restore_backup() {
  say "Putting the database back"
  manage "$old" restore "$backup" --yes --no-migrate >/dev/null ||
    manage "$old" restore "$backup" --yes --no-migrate --no-copy >/dev/null
  sync -f "$(data_folder)"
}

# end_unfinished: ends an update that was cut off, by what its journal says.
end_unfinished() {
  [ -e "$journal" ] || return 0
  old=$(value_of "$journal" old) new=$(value_of "$journal" new)
  backup=$(value_of "$journal" backup) phase=$(value_of "$journal" phase)
  trap '' INT TERM HUP
  if [ "$phase" = healthy ]; then
    say "The update to $new was cut off when it worked already; it stays."
    place_files || say "The files of $new outside $opt could not be put in place (above): sudo deploy/install.sh --refresh"
    start_processes
    finish
  else
    say "An update from $old to $new was cut off ($phase); going back to $old."
    roll_back
  fi
  trap - INT TERM HUP
}

# --- steps --------------------------------------------------------------------------------------------------------

# note_phase PHASE: what the next one who looks must know; on the card before anything is done.
note_phase() {
  phase=$1
  printf 'old=%s\nnew=%s\nbackup=%s\nphase=%s\nat=%s\n' "$old" "$new" "$backup" "$phase" "$(date -u +%FT%TZ)" >"$journal.new"
  move_durably "$journal.new" "$journal"
}

# move_durably FROM TO: after a power cut there is the old file or the new one, whole.
move_durably() {
  sync "$1"
  mv -f "$1" "$2"
  sync "$(dirname "$2")"
}

value_of() { sed -n "s/^$2=//p" "$1"; }

# step NAME: where tests let the power fail.
step() {
  [ "${BALUPI_UPDATE_STOP_AT:-}" != "$1" ] || kill -9 $$ "$BASHPID"
}

# is_boot: whether we are balupi-recover.service, before which systemd starts neither web nor worker.
is_boot() { grep -q '/balupi-recover\.service$' /proc/self/cgroup; }

backup_folder() {
  local folder
  folder=$(data_folder)/backups
  [ -d "$folder" ] || install -d -o balupi -g balupi -m 0750 "$folder"
  echo "$folder"
}

data_folder() {
  local folder
  folder=$(setting DATA_DIR)
  echo "${folder:-/var/lib/balupi}"
}

check_space() {
  local free_mb folder database_mb
  free_mb=$(free_mb_at "$opt")
  [ "$free_mb" -ge "$need_mb" ] || die "Only $free_mb MB are free at $opt, $need_mb are needed. 'sudo apt-get clean' frees some. Nothing has changed."
  folder=$(data_folder)
  database_mb=$(find "$folder" -maxdepth 1 -name 'balupi.sqlite3*' -printf '%s\n' | awk '{ sum += $1 } END { print int(sum / 1048576) + 1 }')
  # Two backups and a copy to verify them, in the worst case uncompressed.
  free_mb=$(free_mb_at "$folder")
  [ "$free_mb" -ge $((3 * database_mb + 20)) ] || die "Only $free_mb MB are free at $folder; the backups need $((3 * database_mb + 20)). Nothing has changed."
}

refuse_downgrade() {
  local from to
  from=$(release_fact "$opt/releases/$old" version)
  to=$(release_fact "$opt/releases/$new" version)
  [ "$from" = "$to" ] || [ "$(printf '%s\n' "$from" "$to" | sort -V | tail -n 1)" = "$to" ] || [ -n "$1" ] ||
    die "$to is older than $from, which is installed. Back to the release before the last update: deploy/update.sh --rollback; if you mean this one: deploy/update.sh --yes"
}

# preflight: sets $pending to "pending" where the database must change, else "none".
preflight() {
  say "Trying $new with the settings of this Pi"
  pending=$(manage "$new" release preflight) || die "$new does not accept settings or database (above). Nothing has changed; $old runs on."
}

# The worker first: the pages stay the longest and come back first.
stop_processes() {
  local unit
  : "${stopped_s:=$SECONDS}"
  for unit in worker web; do
    # At boot they wait for us; to stop them then would take them out of the queue.
    if ! is_boot || service_is_active "balupi-$unit"; then
      service_stop "balupi-$unit"
    fi
  done
}

start_processes() {
  local unit
  if is_boot; then # they start when we have ended, so they cannot be waited for
    systemctl --no-block start balupi-web balupi-worker
    return 0
  fi
  started_s=$("$python" -c 'import time; print(time.monotonic())')
  for unit in redis web worker; do
    service_start "balupi-$unit"
    [ "$unit" != web ] || away_s=$((SECONDS - ${stopped_s:-$SECONDS}))
  done
}

# place_files: units, nginx's site and the command "balupi" as the current release has them.
place_files() {
  local installer=$opt/current/deploy/install.sh
  [ ! -x "$installer" ] || "$installer" --refresh 9>&-
}

# wait_until_healthy RELEASE: web and worker are of this release, and work.
# Joined by &&, for "set -e" does not hold in what is called behind "||".
wait_until_healthy() {
  manage "$1" release healthy --since "$started_s" --deadline "$healthy_s" &&
    service_is_active balupi-web && service_is_active balupi-worker
}

tell_status() {
  local current
  current=$(current_release)
  [ -n "$current" ] || { echo "BaluPi is not installed here." && return; }
  echo "Installed: $current (made $(release_fact "$opt/current" made))"
  [ ! -e "$last" ] || echo "Before it: $(value_of "$last" old)"
  if [ -e "$journal" ]; then
    echo "Under way or cut off: from $(value_of "$journal" old) to $(value_of "$journal" new), $(value_of "$journal" phase) since $(value_of "$journal" at)"
  else
    echo "No update is under way."
  fi
}

tell_help "$@"
use_python
main "$@"
