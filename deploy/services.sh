# Starting and stopping services, with systemd or by hand. Sourced by install.sh, update.sh and uninstall.sh; needs lib.sh.
# shellcheck shell=bash
#
# Where systemd does not run (a container, a test), BALUPI_SERVICE_COMMAND names a program that is called with
# start|stop|restart|reload-or-restart|is-active|log and the unit's name; without one, services are left to whoever runs this.

helper=${BALUPI_SERVICE_COMMAND:-}

has_systemd() { [ -d /run/systemd/system ]; }

# can_run_services: whether anything here can start and stop services.
can_run_services() { [ -n "$helper" ] || has_systemd; }

# service ACTION UNIT: of web and worker, the others of their kind (docs/growing.md) stop and restart, too; they start with
# the first.
service() {
  if [ -n "$helper" ]; then
    # What it starts must hold neither our locks (6: release, 7: installer, 9: update) nor our input.
    "$helper" "$1" "$2" 6>&- 7>&- 9>&- </dev/null
  elif has_systemd; then
    case "$1 $2" in
      stop\ balupi-w* | restart\ balupi-w*) systemctl --quiet "$1" "$2" "$2@*" ;;
      *) systemctl --quiet "$1" "$2" ;;
    esac
  else
    [ "$1" = is-active ] || echo "  systemd does not run here: $1 $2 is up to you" >&2
  fi
}

service_start() { service start "$1"; }
service_stop() { service stop "$1"; }
service_restart() { service restart "$1"; }
service_reload() { service reload-or-restart "$1"; }
service_is_active() { service is-active "$1"; }

# service_enable UNIT [enable-only]: starts it now and at each boot.
service_enable() {
  if ! systemctl --quiet is-enabled "$1" 2>/dev/null; then
    systemctl --quiet enable "$1"
    changed "$1 starts at boot"
  fi
  [ "${2:-}" = enable-only ] || service_is_active "$1" 2>/dev/null || service_start "$1"
}

service_disable() {
  service_stop "$1" 2>/dev/null || true
  systemctl --quiet disable "$1" 2>/dev/null || true
}

# service_log UNIT: the last lines it said; nothing where nobody keeps them.
service_log() {
  if [ -n "$helper" ]; then
    service log "$1" 2>/dev/null | tail -n 20 || true
  else
    journalctl --unit "$1" --lines 20 --no-pager --output cat 2>/dev/null || true
  fi
}

# Have systemd read changed units; without one it reads them when it starts.
reload_units() { ! has_systemd || systemctl daemon-reload; }

# wait_until SECONDS COMMAND ...: true as soon as the command is, false after that time.
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 1
  done
}

# answers_http PORT PATH: whether this machine answers there, without an error; there is no curl on a small Pi.
answers_http() {
  # shellcheck disable=SC2016 # the inner shell's variables
  timeout 5 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n" "$1" >&3 &&
    read -r _protocol status _words <&3 && [ "$status" -lt 400 ]' "$1" "$2" 2>/dev/null
}

is_worker_up() { /usr/local/bin/balupi doctor --quick --only worker; }
