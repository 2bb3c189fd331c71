# What must be true before anything is changed, and what is told about the machine. Sourced by install.sh.
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the others

need_free_mb=900 # measured: packages 120 MB, one release with its Python packages 190, and room for the next beside it

check_machine() {
  [ "$(id -u)" -eq 0 ] || die "Please start this as root: sudo deploy/install.sh"
  case "$(uname -m)" in
    aarch64 | x86_64) ;;
    *) die "This system is $(uname -m); BaluPi needs a 64-bit one: choose 'Raspberry Pi OS Lite (64-bit)' in the Raspberry Pi Imager." ;;
  esac
  # A Pi 3 runs a 64-bit kernel under a 32-bit system too; then there are no packages for it.
  [ "$(getconf LONG_BIT)" = 64 ] ||
    die "The kernel is 64-bit, but the system is 32-bit: choose 'Raspberry Pi OS Lite (64-bit)' in the Raspberry Pi Imager."
  command -v apt-get >/dev/null 2>&1 || die "BaluPi is installed on Debian 12 or 13 or a Raspberry Pi OS made from them; here is no apt-get."
  # shellcheck source=/dev/null
  [ "$(. /etc/os-release && echo "${VERSION_ID:-0}")" -ge 12 ] 2>/dev/null || die "Debian 12 (bookworm) or newer is needed."
  check_user
  check_clock
  check_space
}

# The services' user must not be a person's: it would be shut out of its own home, and deleted by --purge.
check_user() {
  local number
  number=$(id -u balupi 2>/dev/null) || return 0
  [ "$number" -lt 1000 ] ||
    die "There is a person's account 'balupi' already; BaluPi makes a user of its own with that name. Sign in as another user of yours (sudo adduser NAME; sudo adduser NAME sudo), then: sudo usermod --login NEWNAME balupi; sudo groupmod --new-name NEWNAME balupi"
}

# A Pi has no clock of its own; with a wrong one every download fails with a word about certificates.
check_clock() {
  local built
  built=$(sed -n 's/^BUILD_DATE = datetime(\([0-9]*\), \([0-9]*\), \([0-9]*\).*/\1-\2-\3/p' "$root/balupi_site/version.py")
  [ "$(date +%s)" -ge "$(date -d "$built" +%s)" ] ||
    die "The clock says $(date '+%Y-%m-%d %H:%M'), before this release was made ($built). Is there a network? Wait until 'timedatectl' says 'synchronized: yes', or set it: sudo date -s '2026-12-31 18:00'"
}

check_space() {
  local free_mb
  free_mb=$(free_mb_at /)
  [ -e /opt/balupi/current ] || [ "$free_mb" -ge "$need_free_mb" ] ||
    die "Only $free_mb MB are free on /, $need_free_mb are needed. 'sudo apt-get clean' frees some; a card of 16 GB or more is better."
}
