# Shared by all scripts: what they say, packages, room on a disk, the virtual environment. Sourced, not run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '\033[1m%s\033[0m\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# tell_use: prints what the script that runs says of itself at its beginning.
tell_use() { sed -n '2,/^\([^#]\|$\)/{/^# shellcheck/d;s/^# \{0,1\}//p}' "$0"; }

# tell_help ARGUMENT ...: prints the same and ends, where it was asked for. Comes before anything is done.
tell_help() { case " $* " in *' --help '* | *' -h '*) tell_use && exit 0 ;; esac; }

# free_mb_at FOLDER: prints how much is free there, in MB.
free_mb_at() { df --output=avail --block-size=M "$1" | tail -n 1 | tr -dc 0-9; }

# install_idle PACKAGE ...: installs Debian packages; what services they bring stay off, now and at boot.
# Runs as root in a shell of its own, whose end cleans up also after a failure.
install_idle() {
  set -euo pipefail
  policy=/usr/sbin/policy-rc.d # asked before a package starts a service; 101 forbids it
  exec 8>/run/lock/balupi-packages # two trials at once wait for each other
  flock 8
  enabled_before=$(enabled_units)
  if [ -e "$policy" ] && ! grep -q "^# BaluPi's" "$policy"; then
    policy= # the owner has one; ours may be left of a run that was killed
  fi
  trap after_install EXIT
  if [ -n "$policy" ]; then
    printf "#!/bin/sh\n# BaluPi's, for as long as packages are installed\nexit 101\n" >"$policy"
    chmod 755 "$policy"
  fi
  # Another apt may be at work, such as the daily one of a Pi that was just switched on.
  apt-get -o DPkg::Lock::Timeout=300 update -qq
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" >/dev/null
}

after_install() {
  [ -z "$policy" ] || rm -f "$policy"
  LC_ALL=C comm -13 <(echo "$enabled_before") <(enabled_units) | xargs -r systemctl --root=/ --quiet disable 2>/dev/null ||
    echo "Services that were just installed may start at the next boot: systemctl list-unit-files --state=enabled" >&2
}

enabled_units() {
  command -v systemctl >/dev/null || return 0
  systemctl --root=/ list-unit-files --state=enabled | awk '$2 == "enabled" { print $1 }' | LC_ALL=C sort
}

# need_packages COMMAND=PACKAGE ...: installs the Debian packages whose command (or file) is missing.
need_packages() {
  local pair missing=() as_root=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null 2>&1 || [ -e "${pair%%=*}" ] || missing+=("${pair#*=}")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  command -v apt-get >/dev/null 2>&1 || die "Please install: ${missing[*]}"
  if [ "$(id -u)" -eq 0 ]; then
    say "Installing ${missing[*]}"
  elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    say "Installing ${missing[*]} (sudo may ask for your password)"
    as_root=(sudo)
  else
    die "Please run this once as root, then start again:
  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  fi
  "${as_root[@]}" bash -c "$(declare -f install_idle after_install enabled_units); install_idle \"\$@\"" install_idle "${missing[@]}"
}

# use_python: sets $python to a Python 3.11 to 3.13 that can make virtual environments.
use_python() {
  local candidate
  for candidate in "${BALUPI_PYTHON:-python3}" python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
      python=$candidate
      return 0
    fi
  done
  need_packages "no-python-with-venv=python3-venv"
  python=python3
  "$python" -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null ||
    die "BaluPi needs Python 3.11 to 3.13 with the venv module; found: $("$python" --version 2>&1). Set BALUPI_PYTHON to another one."
}

# use_venv REQUIREMENTS: makes or updates $venv for a requirements file; sets $venv.
# Two at once wait for each other; nothing is done where the pins have not changed.
use_venv() {
  local requirements=$root/$1 wanted
  venv=${BALUPI_VENV:-$root/.venv}
  if [ ! -w "$root" ] && [ ! -w "$venv" ]; then
    venv=${XDG_CACHE_HOME:-$HOME/.cache}/balupi/venv
  fi
  mkdir -p "$(dirname "$venv")"
  exec 9>"$venv.lock"
  flock 9
  wanted=$("$python" --version; cat "$root"/requirements*.txt | sha256sum)
  if [ "$(cat "$venv/.balupi-$1" 2>/dev/null)" != "$wanted" ]; then
    say "Preparing Python packages in $venv (a minute or two the first time)"
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
    "$venv/bin/python" -m compileall -q "$venv/lib" "$root"/{balupi_site,energy,handshake,nasctl,pihole,simhome} >/dev/null || true
    printf '%s' "$wanted" >"$venv/.balupi-$1"
  fi
  flock -u 9
  exec 9>&-
}
