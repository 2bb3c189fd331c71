# Pi-hole's own web server makes room: port 80 is where people look for the NAS's name. Sourced by install.sh.
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the others

has_pihole() { command -v pihole-FTL >/dev/null 2>&1; }

pihole_ports() { pihole-FTL --config webserver.port 2>/dev/null; }

# choose_pihole_move: sets $pihole_move to Pi-hole's new setting of ports, or to nothing.
choose_pihole_move() {
  pihole_move=
  has_pihole || return 0
  local ports port answer
  ports=$(pihole_ports) || die "pihole-FTL does not answer 'pihole-FTL --config webserver.port'; BaluPi needs Pi-hole v6 (pihole -v)."
  echo ",$ports" | grep -Eq '[,:]80[a-z]*(,|$)' || return 0
  for port in 8080 8081 8088 8888; do
    ss -Hltn "sport = :$port" | grep -q . || break
  done
  answer=${BALUPI_INSTALL_MOVE_PIHOLE:-}
  if [ -z "$answer" ] && is_asking; then
    echo "Pi-hole's page is on port 80, where BaluPi must be: under the NAS's name a browser asks there."
    echo "It moves to http://$(hostname):$port/admin; its DNS is not touched. Back again: sudo pihole-FTL --config webserver.port '$ports'"
    read -rp "Move Pi-hole's page? [Y/n] " answer
    answer=${answer:-yes}
  fi
  case "$answer" in
    [yYjJ]*) pihole_move=$(echo "$ports" | sed -E "s/(^|[,:])80([a-z]*)(,|$)/\1$port\2\3/g;s/(^|[,:])80([a-z]*)(,|$)/\1$port\2\3/g") ;;
    *) die "Port 80 is Pi-hole's. Set BALUPI_INSTALL_MOVE_PIHOLE=yes to have its page moved, or move it yourself: sudo pihole-FTL --config webserver.port '${port}o,[::]:${port}o'" ;;
  esac
}

move_pihole() {
  [ -n "$pihole_move" ] || return 0
  pihole-FTL --config webserver.port "$pihole_move" >/dev/null ||
    die "Pi-hole did not take the new ports. If they are set by its environment (FTLCONF_webserver_port), change them there to: $pihole_move"
  service_restart pihole-FTL
  wait_until 30 pihole_has_moved || die "Pi-hole's page does not answer at its new port within 30 s: pihole-FTL --config webserver.port; journalctl -u pihole-FTL"
  changed "Pi-hole's page: $pihole_move"
  # Settings of an earlier run still speak of the old place.
  BALUPI_PIHOLE_URL=http://127.0.0.1:$(echo "$pihole_move" | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
  export BALUPI_PIHOLE_URL
}

pihole_has_moved() {
  local port
  port=$(echo "$pihole_move" | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
  ss -Hltn "sport = :$port" | grep -q . && ! ss -Hltnp 'sport = :80' | grep -q pihole-FTL
}
