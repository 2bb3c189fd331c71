# The data disk at /srv/balupi: found, mounted for good, marked. Sourced by install.sh. Nothing is ever formatted.
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the others

disk=/srv/balupi
disk_marker=$disk/.balupi-disk

has_disk() { [ -e "$disk_marker" ]; }

# choose_disk: sets $disk_source to "UUID=... TYPE" of the disk to use, or to nothing.
choose_disk() {
  disk_source=
  if has_disk || grep -Eq "^[^#]+[[:space:]]${disk}[[:space:]]" /etc/fstab; then
    return
  fi
  local candidates wanted=${BALUPI_INSTALL_DATA_DISK:-} number
  [ "$wanted" != none ] || return 0
  candidates=$(disk_candidates)
  if [ -n "$wanted" ]; then
    pick_disk "$wanted" "$candidates"
    return
  fi
  [ -n "$candidates" ] && is_asking || return 0
  say "The inbox needs a disk of its own: files for the NAS would soon fill the card, and wear it out."
  echo "$candidates" | cut -d' ' -f1,3- | nl -w3 -s'  '
  read -rp "Which one shall be mounted at $disk? Nothing on it is changed or deleted. [number, Enter for none] " number
  [ -n "$number" ] || return 0
  case "$number" in *[!0-9]*) die "$number is not a number of the list." ;; esac
  pick_disk "$(echo "$candidates" | sed -n "${number}p" | cut -d' ' -f1)" "$candidates"
}

# "PATH UUID TYPE SIZE LABEL" a line; none of them is the system's.
disk_candidates() { "$python" "$here/install/find.py"; }

# pick_disk PATH|UUID=... CANDIDATES
pick_disk() {
  local line
  line=$(echo "$2" | awk -v want="${1#UUID=}" '$1 == want || $2 == want')
  [ -n "$line" ] || die "There is no disk $1 with ext4, xfs or btrfs that is not the system's. These are there:
${2:-  none; a new disk is formatted with: sudo mkfs.ext4 -L balupi /dev/sdX1 (this deletes all that is on it)}"
  disk_source=$(echo "$line" | awk '{ print "UUID=" $2, $3 }')
}

setup_disk() {
  if [ -z "$disk_source" ]; then
    mark_known_disk
    return 0
  fi
  mkdir -p "$disk"
  [ -z "$(tail -c 1 /etc/fstab)" ] || echo >>/etc/fstab # a last line without its end would swallow ours
  # nofail: a disk that is not there must not keep the Pi from starting.
  printf '%s %s %s defaults,noatime,nofail,x-systemd.device-timeout=10s 0 2\n' "${disk_source%% *}" "$disk" "${disk_source##* }" >>/etc/fstab
  changed "/etc/fstab: ${disk_source%% *} at $disk"
  reload_units
  is_mounted || die "The disk cannot be mounted at $disk: sudo mount -v $disk tells why. The line in /etc/fstab can go again."
  touch "$disk_marker"
}

# A line in fstab, of the owner's or of a run that was cut off: it means this disk, so that it is mounted and marked.
mark_known_disk() {
  ! has_disk && grep -Eq "^[^#]+[[:space:]]${disk}[[:space:]]" /etc/fstab || return 0
  mkdir -p "$disk"
  if is_mounted; then
    touch "$disk_marker"
    changed "$disk_marker"
  else
    echo "The data disk is not there (the line for $disk in /etc/fstab); the inbox waits for it. Plug it in, and start the installer again."
  fi
}

# Mounts it where it is not; asks what is true then, because with "nofail" a mount of a missing disk succeeds.
is_mounted() {
  mountpoint -q "$disk" || mount "$disk" || true
  mountpoint -q "$disk"
}

# Folders on the disk, made only while it is mounted: below the mount point they would lie on the card.
fill_disk() {
  has_disk || return 0
  folder "$disk/inbox" balupi balupi 0750
  folder "$disk/backups" balupi balupi 0700
}
