"""Checks of the Pi itself: its clock, its disks, its card."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from balupi_site.doctor.findings import Verdict, fail, ok, skipped, warn
from balupi_site.doctor.known import Known
from balupi_site.lib import boot, clock
from balupi_site.lib.words import clock as at_clock
from balupi_site.lib.words import shown_size
from balupi_site.monitor import card as card_counter
from balupi_site.monitor.throttling import throttling
from balupi_site.version import BUILD_DATE

_MIB = 1024 * 1024
#: Below the first nothing can be stored soon, below the second somebody should make room.
_FREE_FAIL, _FREE_WARN = 200 * _MIB, 500 * _MIB
_INODES_FAIL, _INODES_WARN = 0.01, 0.05
#: BaluPi itself writes about 30 MB a day (README, "Figures"); a card of 16 GB bears 2 GB a day for years.
_WRITTEN_WARN = 2048 * _MIB
#: Other disks bear many times that.
_WRITTEN_WARN_DISK = 20 * _WRITTEN_WARN
_LOCALTIME = Path("/etc/localtime")
_MOUNTS = Path("/proc/self/mountinfo")
_DEVICES, _EXT4 = Path("/sys/dev/block"), Path("/sys/fs/ext4")
#: There while systemd runs this machine (sd_booted(3)); and what its kernel can limit.
_SYSTEMD, _CONTROLLERS = Path("/run/systemd/system"), Path("/sys/fs/cgroup/cgroup.controllers")


def clock_is_set(known: Known) -> Verdict:
    """Tell whether the wall clock can be believed."""
    day = _day(known.now)
    made = _day(BUILD_DATE)
    facts = {"time": f"{day} {at_clock(known.now)}", "date": made}
    if not clock.was_synchronised():
        if clock.time_service_runs():
            return fail(
                _("It says %(time)s, and no time server has set it since the start.") % facts,
                _(
                    "Let the Pi reach a time server (UDP port 123); see 'timedatectl timesync-status'."
                ),
            )
        if known.now < BUILD_DATE:
            return fail(
                _("It says %(time)s, which is before this release was made (%(date)s).") % facts,
                _("Set it and install a time service: 'sudo apt install systemd-timesyncd'."),
            )
        return warn(
            _("It says %(time)s, which may be right, but no time service runs here.") % facts,
            _("Install one: 'sudo apt install systemd-timesyncd'."),
        )
    if not clock.kernel_is_synchronised():
        return warn(
            _("It says %(time)s; it was set after the start, and not checked lately.") % facts,
            _("Look whether the Pi still reaches its time server: 'timedatectl timesync-status'."),
        )
    return ok(_("It says %(time)s and follows a time server.") % facts)


def _day(at: datetime) -> str:
    """Return the day with its year: a clock that is wrong often has a wrong one."""
    return formats.date_format(timezone.localtime(at), pgettext("date", "j F Y"))


def time_zone(known: Known) -> Verdict:
    """Tell whether BaluPi and the Pi mean the same time of day."""
    facts = {"ours": settings.TIME_ZONE, "offset": f"{timezone.localtime(known.now):%z}"}
    try:
        # Not time.localtime(): Django has set TZ for this process.
        with _LOCALTIME.open("rb") as file:
            offset = known.now.astimezone(ZoneInfo.from_file(file)).utcoffset()
    except (OSError, ValueError):
        return ok(_("Days and tariffs go by %(ours)s (now %(offset)s).") % facts)
    if offset and offset != timezone.localtime(known.now).utcoffset():  # UTC: nobody has set it
        return warn(
            _("Days and tariffs go by %(ours)s, and the Pi itself has another time zone.") % facts,
            _("Set BALUPI_TIME_ZONE to the household's zone, or the Pi's: 'sudo raspi-config'."),
        )
    return ok(_("Days and tariffs go by %(ours)s (now %(offset)s).") % facts)


def space(_known: Known) -> Verdict:
    """Tell whether the disk of our data has room."""
    return room_on(settings.DATA_DIR)


def room_on(folder: Path) -> Verdict:
    """Tell whether the disk of a folder has room, without waking it: the kernel knows."""
    found = os.statvfs(folder)
    free, total = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    inodes = found.f_favail / found.f_files if found.f_files else 1.0  # btrfs and FAT have none
    mount = mount_of(folder)
    facts = {
        "folder": folder,
        "point": mount.point if mount else "/",
        "free": shown_size(free),
        "total": shown_size(total),
        "inodes": f"{inodes:.0%}",
    }
    if inodes < _INODES_WARN:
        level = fail if inodes < _INODES_FAIL else warn
        return level(
            _("The disk of %(folder)s has room for few more files: %(inodes)s are left.") % facts,
            _(
                "Remove what has very many files: 'sudo du --inodes -x %(point)s | sort -n | tail' "
                "shows where they are."
            )
            % facts,
        )
    text = _("%(free)s of %(total)s are free on the disk of %(folder)s.") % facts
    if free < _FREE_WARN:
        cure = _("Make room on it: 'sudo du -xh %(point)s | sort -h | tail' shows what is large.")
        return (fail if free < _FREE_FAIL else warn)(text, cure % facts)
    return ok(text)


@dataclass(frozen=True)
class Mount:
    """A mounted file system, as the kernel has it."""

    device: str  # "179:2"
    point: str
    options: frozenset[str]


def mount_of(folder: Path) -> Mount | None:
    """Return the file system a folder is on; None where the kernel does not say."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
        number = folder.stat().st_dev
    except OSError:
        return None
    device = f"{os.major(number)}:{os.minor(number)}"
    found = [_mount(line) for line in lines]
    same = [mount for mount in found if mount and mount.device == device]
    # Of bind mounts the one that the folder is in; they may be read-only one by one.
    inside = [mount for mount in same if folder.is_relative_to(mount.point)]
    return max(inside or same, key=lambda mount: len(mount.point), default=None)


def _mount(line: str) -> Mount | None:
    """Read a line of mountinfo: "36 35 98:0 /root /mnt rw,noatime master:1 - ext4 /dev/root rw"."""
    before, _dash, after = line.partition(" - ")
    fields, of_system = before.split(), after.split()
    if len(fields) < 6 or len(of_system) < 3:  # noqa: PLR2004  # proc_pid_mountinfo(5)
        return None
    point = fields[4].encode("ascii", "replace").decode("unicode_escape")  # "\040" is a space
    return Mount(fields[2], point, frozenset((*fields[5].split(","), *of_system[2].split(","))))


def card(_known: Known) -> Verdict:
    """Tell whether the disk of our data takes writes without errors, and is not worn out by reads."""
    mount = mount_of(settings.DATA_DIR)
    if mount is None:
        return skipped(_("The kernel does not say how %(folder)s is mounted.") % _folder())
    if "ro" in mount.options:
        return fail(
            _("The disk of %(folder)s is read-only; nothing can be stored.") % _folder(),
            _("A card that failed is made read-only: save its data, replace it, restore."),
        )
    errors = _errors_of(mount.device)
    if errors:
        return fail(
            _("The file system of %(folder)s has counted %(errors)s errors.")
            % {**_folder(), "errors": errors},
            _(
                "Save the data now, then check the card: add fsck.mode=force to cmdline.txt, restart."
            ),
        )
    if not mount.options & {"noatime", "relatime"}:
        return warn(
            _("Each read of a file writes to the disk of %(folder)s.") % _folder(),
            _("Add noatime to the options of %(point)s in /etc/fstab and restart.")
            % {"point": mount.point},
        )
    return ok(_("The disk of %(folder)s takes writes and has counted no errors.") % _folder())


def card_wear(known: Known) -> Verdict:
    """Tell how much is written to the card."""
    counter = card_counter.counter(known.now, boot.uptime_s())
    if counter is None:
        return skipped(_("The kernel does not count what is written to %(folder)s.") % _folder())
    daily = counter.daily_bytes(known.now)
    if daily is None:
        return skipped(_("The Pi runs for less than a day; ask again later."))
    facts = {"megabytes": formats.number_format(round(daily / 1_000_000), force_grouping=True)}
    text = _("On average %(megabytes)s MB a day were written since the start.") % facts
    if daily > (_WRITTEN_WARN if counter.is_card else _WRITTEN_WARN_DISK):
        cure = _(
            "Find out which program writes so much: 'sudo iotop -aoP' (after 'sudo apt install iotop')."
        )
        return warn(text, cure)
    return ok(text)


def power(_known: Known) -> Verdict:
    """Tell whether the Pi gets enough power and is cool enough, as its firmware has it."""
    seen = throttling()
    supply = _("Use the power supply and cable that came with the Pi.")
    if seen is None:
        return skipped(_("The firmware does not say; this is no Raspberry Pi."))
    if seen.has_low_voltage:
        return fail(_("The Pi gets too little power, which spoils cards."), supply)
    if seen.had_low_voltage:
        return warn(_("The Pi got too little power for a moment."), supply)
    if seen.is_slowed:
        return warn(_("The Pi is too warm and slowed down."), _("Give it air or a heat sink."))
    return ok(_("The Pi gets enough power and is not slowed down."))


def memory_limits(_known: Known) -> Verdict:
    """Tell whether the limits of memory that our services have count; the Pi's firmware turns them off."""
    if not _SYSTEMD.is_dir():
        return skipped(_("systemd does not run this machine, so it limits nothing."))
    try:
        controllers = _CONTROLLERS.read_text(encoding="ascii").split()
    except OSError:
        return skipped(_("The kernel does not say what it can limit."))
    if "memory" in controllers:
        return ok(_("What a service of BaluPi's takes of the memory is limited."))
    return warn(
        _("The kernel does not limit memory: what leaks would take it from all, Pi-hole included."),
        _(
            "Add cgroup_enable=memory to the line of /boot/firmware/cmdline.txt (it stays one line), "
            "and restart."
        ),
    )


def _folder() -> dict[str, Path]:
    return {"folder": settings.DATA_DIR}


def _errors_of(device: str) -> int:
    """Return how many errors ext4 has counted; 0 for other file systems, which do not count."""
    try:
        name = (_DEVICES / device).resolve().name
        return int((_EXT4 / name / "errors_count").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
