# Starting and stopping services, with systemd or by hand. Sourced by install.sh, update.sh and uninstall.sh.
# shellcheck shell=bash
#
# Where systemd does not run (a container, a test), BALUPI_SERVICE_COMMAND names a program that is called with
# start|stop|restart|reload|is-active and the unit's name; without one, services are left to whoever runs this.

has_systemd() { [ -d /run/systemd/system ]; }

# service ACTION UNIT
service() {
  if [ -n "${BALUPI_SERVICE_COMMAND:-}" ]; then
    "$BALUPI_SERVICE_COMMAND" "$1" "$2"
  elif has_systemd; then
    systemctl --quiet "$1" "$2"
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
