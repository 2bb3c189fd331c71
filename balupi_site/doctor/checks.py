"""All checks, in the order in which they are told."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from balupi_site.doctor import (
    backups,
    handshake,
    host,
    inbox,
    names,
    nas,
    pihole,
    plugs,
    setup,
    stores,
)
from balupi_site.doctor.findings import Area, Check

_MARGIN_S = 2.0

CHECKS: tuple[Check, ...] = (
    Check("clock", _("Clock"), Area.PI, host.clock_is_set, is_quick=True),
    Check("time-zone", _("Time zone"), Area.PI, host.time_zone, is_quick=True),
    Check("space", _("Room for data"), Area.PI, host.space, is_quick=True),
    Check("card", _("SD card"), Area.PI, host.card, is_quick=True),
    Check("card-wear", _("Writing to the card"), Area.PI, host.card_wear, is_quick=True),
    Check("power", _("Power and heat"), Area.PI, host.power, is_quick=True),
    Check("memory-limits", _("Limits of memory"), Area.PI, host.memory_limits, is_quick=True),
    Check("database", _("Database"), Area.STORES, stores.database, is_quick=True),
    Check(
        "database-space",
        _("Room for the database"),
        Area.STORES,
        stores.database_space,
        is_quick=True,
    ),
    Check("migrations", _("Tables"), Area.STORES, stores.migrations, needs_database=True),
    Check(
        "integrity",
        _("Database's file"),
        Area.STORES,
        stores.integrity,
        deadline_s=stores.INTEGRITY_S + _MARGIN_S,
    ),
    Check("backup", _("Backup"), Area.STORES, backups.newest, is_quick=True),
    Check(
        "backup-place",
        _("Place of backups"),
        Area.STORES,
        backups.place,
        deadline_s=backups.DEADLINE_S,
    ),
    Check("redis", _("Redis"), Area.STORES, stores.redis, is_quick=True),
    Check(
        "worker",
        _("Worker"),
        Area.STORES,
        stores.worker,
        is_quick=True,
        needs_database=True,
        needs_redis=True,
    ),
    Check(
        "beat",
        _("Regular tasks"),
        Area.STORES,
        stores.beat,
        is_quick=True,
        needs_database=True,
        needs_redis=True,
    ),
    Check("nas-address", _("Address"), Area.NAS, nas.address, deadline_s=nas.DEADLINE_S),
    Check("nas-health", _("BaluHost"), Area.NAS, nas.health, deadline_s=nas.DEADLINE_S),
    Check("nas-mac", _("MAC address"), Area.NAS, nas.mac, deadline_s=nas.DEADLINE_S),
    Check("nas-web", _("Hand-over"), Area.NAS, nas.web, deadline_s=nas.DEADLINE_S),
    Check("wake-route", _("Magic packets"), Area.NAS, nas.wake_route, deadline_s=nas.DEADLINE_S),
    Check(
        "plug-login", _("Tapo account"), Area.PLUGS, plugs.login, is_quick=True, needs_database=True
    ),
    Check(
        "plugs",
        _("Plugs"),
        Area.PLUGS,
        plugs.plugs,
        is_quick=True,
        needs_database=True,
        needs_redis=True,
    ),
    Check(
        "pihole",
        _("Pi-hole"),
        Area.PIHOLE,
        pihole.visit,
        deadline_s=pihole.DEADLINE_S + _MARGIN_S,
        undoes=True,
    ),
    Check("pihole-dns", _("DNS"), Area.PIHOLE, pihole.dns, deadline_s=names.DEADLINE_S),
    Check("pi-address", _("Address of this Pi"), Area.NAMES, names.pi_address, is_quick=True),
    Check("names", _("Names"), Area.NAMES, names.answers, deadline_s=names.DEADLINE_S),
    Check(
        "resolver", _("This Pi's resolver"), Area.NAMES, names.resolver, deadline_s=names.DEADLINE_S
    ),
    Check(
        "announced", _("Announced names"), Area.NAMES, names.announced, deadline_s=names.DEADLINE_S
    ),
    Check("handshake-secret", _("Shared secret"), Area.HANDSHAKE, handshake.secret, is_quick=True),
    Check(
        "handshake-calls",
        _("Calls"),
        Area.HANDSHAKE,
        handshake.calls,
        is_quick=True,
        needs_database=True,
    ),
    Check(
        "inbox",
        _("State"),
        Area.INBOX,
        inbox.state,
        is_quick=True,
        needs_database=True,
        needs_redis=True,
    ),
    Check("inbox-disk", _("Disk and marker"), Area.INBOX, inbox.disk, deadline_s=inbox.DEADLINE_S),
    Check("inbox-key", _("Key for the NAS"), Area.INBOX, inbox.key, is_quick=True),
    Check("inbox-way", _("Way to the NAS"), Area.INBOX, inbox.way, deadline_s=inbox.DEADLINE_S),
    Check("mode", _("Mode"), Area.SETUP, setup.mode, is_quick=True),
    Check("user", _("User"), Area.SETUP, setup.user, is_quick=True),
    Check("env-file", _("File of settings"), Area.SETUP, setup.env_file, is_quick=True),
    Check("data-dir", _("Folder of data"), Area.SETUP, setup.data_dir, is_quick=True),
    Check("secrets", _("Files with secrets"), Area.SETUP, setup.secrets, is_quick=True),
    Check("hosts", _("Names of the pages"), Area.SETUP, setup.hosts, is_quick=True),
    Check("languages", _("Languages"), Area.SETUP, setup.languages, is_quick=True),
    Check("static", _("Styles and scripts"), Area.SETUP, setup.static_files, is_quick=True),
    Check("frontend", _("Page built by the NAS"), Area.SETUP, setup.frontend_page, is_quick=True),
    Check("django", _("Django's own checks"), Area.SETUP, setup.django),
)
_HOME_AREAS = {Area.NAS, Area.PIHOLE, Area.NAMES, Area.HANDSHAKE, Area.INBOX}
_HOME_NAMES = {"worker", "beat", "backup", "backup-place", "hosts", "static", "frontend"}
#: What only the Pi at home has: another site's machine has its plugs, and a worker without beat.
HOME_ONLY: frozenset[str] = frozenset(
    check.name for check in CHECKS if check.area in _HOME_AREAS or check.name in _HOME_NAMES
)
#: What may be asked for alone.
NAMES: frozenset[str] = frozenset({check.name for check in CHECKS} | {area.value for area in Area})
