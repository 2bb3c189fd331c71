# Pi-hole's own web server makes room: port 80 is where people look for the NAS's name. Sourced by install.sh.
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the others

has_pihole() { command -v pihole-FTL >/dev/null 2>&1; }

# Without the spaces that it allows, such as 80o,443os,[::]:80o,[::]:443os.
pihole_ports() { (set -o pipefail && pihole-FTL --config webserver.port 2>/dev/null | tr -d ' '); }

# choose_pihole_move: sets $pihole_move to Pi-hole's new setting of ports, or to nothing.
choose_pihole_move() {
  pihole_move=
  has_pihole || return 0
  local ports port answer
  ports=$(pihole_ports) || die "pihole-FTL does not answer 'pihole-FTL --config webserver.port'; BaluPi needs Pi-hole v6 (pihole -v)."
  echo ",$ports" | grep -Eq '[,:+]80[a-z]*(,|$)' || return 0
  for port in 8080 8081 8088 8888; do
    ss -Hltn "sport = :$port" | grep -q . || break
  done
  pihole_port=$port pihole_ports_before=$ports
  answer=${BALUPI_INSTALL_MOVE_PIHOLE:-}
  if [ -z "$answer" ] && is_asking; then
    echo "Pi-hole's page is on port 80, where BaluPi must be: under the NAS's name a browser asks there."
    echo "It moves to http://$(hostname):$port/admin; its DNS is not touched. Back again: sudo pihole-FTL --config webserver.port '$ports'"
    read -rp "Move Pi-hole's page? [Y/n] " answer
    answer=${answer:-yes}
  fi
  case "$answer" in
    [yYjJ]*) pihole_move=$(moved_ports "$ports" "$port") ;;
    *) die "Port 80 is Pi-hole's. Set BALUPI_INSTALL_MOVE_PIHOLE=yes to have its page moved, or move it yourself: sudo pihole-FTL --config webserver.port '${port}o,[::]:${port}o'" ;;
  esac
}

# moved_ports PORTS PORT: without the "r" of a port that only leads to https: BaluPi talks to Pi-hole there.
moved_ports() {
  local item moved=() items
  IFS=, read -ra items <<<"$1"
  for item in "${items[@]}"; do
    if [[ $item =~ ^(.*[:+])?80([a-z]*)$ ]]; then
      item=${BASH_REMATCH[1]}$2${BASH_REMATCH[2]/r/}
    fi
    moved+=("$item")
  done
  (IFS=, && echo "${moved[*]}")
}

move_pihole() {
  [ -n "$pihole_move" ] || return 0
  pihole-FTL --config webserver.port "$pihole_move" >/dev/null ||
    die "Pi-hole did not take the new ports. If they are set by its environment (FTLCONF_webserver_port), change them there to: $pihole_move"
  if ! service_restart pihole-FTL || ! wait_until 30 pihole_has_moved; then
    # The household's names depend on it.
    pihole-FTL --config webserver.port "$pihole_ports_before" >/dev/null || true
    service_restart pihole-FTL || true
    die "Pi-hole's page did not come up at its new port within 30 s, so it was put back. Why: journalctl -u pihole-FTL"
  fi
  changed "Pi-hole's page: $pihole_move"
  # Settings of an earlier run still speak of the old place.
  BALUPI_PIHOLE_URL=$("$python" "$here/install/find.py" pihole_url)
  [ -z "$BALUPI_PIHOLE_URL" ] || export BALUPI_PIHOLE_URL
}

pihole_has_moved() {
  ss -Hltn "sport = :$pihole_port" | grep -q . && ! ss -Hltnp 'sport = :80' | grep -q pihole-FTL
}
