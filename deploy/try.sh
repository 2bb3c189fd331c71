#!/usr/bin/env bash
# Runs all of BaluPi on this machine with a simulated home: no plugs, Pi-hole or NAS needed.
#   BALUPI_PORT      port of the page (8000); two trials run side by side on two ports
#   BALUPI_DATA_DIR  where this trial keeps its data (./data/try-PORT)
# Ctrl-C or SIGTERM stops everything it started.
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

tell_help "$@"
case "${1:-}" in
  "") ;;
  *) tell_use >&2; exit 2 ;;
esac

need_packages redis-server=redis-server rsync=rsync /usr/sbin/sshd=openssh-server ssh=openssh-client
use_python
use_venv requirements-try.txt
exec "$venv/bin/python" "$root/deploy/try.py"
