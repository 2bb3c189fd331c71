"""What the worker would tell of a home all the time, and what only a Pi could say of itself."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from typing import Any
from unittest import mock

from django.conf import settings
from django.utils import timezone

from balupi_site.monitor import card, ring
from balupi_site.monitor.meter import meter
from balupi_site.monitor.status import PiStatus
from balupi_site.monitor.throttling import of_word
from energy.models import PlugRole, PlugStatus, SmartPlug
from energy.readings import Reading
from energy.sample_buffer import SampleBuffer
from handshake.services import progress
from nasctl.evidence import Answer, Memory, Presence
from nasctl.models import NasStatus, Wake, WakeResult
from nasctl.moments import moment_at
from nasctl.services.sightings import Notes, Sightings, save_notes
from nasctl.state import NasState
from pihole import status as pihole_status
from pihole.ftl import DomainCount, Statistics
from pihole.problems import ProblemCode
from pihole.status import Complaint, Look, NameLook
from simhome.loads import FreezerLoad, MonitorLoad
from tests.page_homes import Home

_MIB, _GIB = 1024**2, 1024**3
_SAMPLE_S = 30.0
#: A home that wakes up is always so far.
_WAKING_S = 24
_NAS_W = {NasState.ONLINE: 34.0, NasState.BOOTING: 48.0}
_DAILY_BYTES = 29_000_000
_UPTIME_S = 12 * 86400 + 5400


class Worker:
    """Renews a home's values; ``tell`` as often as one likes, samples are kept every 30 s."""

    def __init__(self, home: Home, since: dt.datetime) -> None:
        self._home, self._since = home, since
        self._samples = SampleBuffer()
        self._freezer, self._monitor = FreezerLoad(seed=1), MonitorLoad(seed=1)
        self._sampled_at: dt.datetime | None = None

    def begin(self) -> None:
        """Tell what was seen last before the home is served; the card has been counted since midnight."""
        seen_at = self._home.seen_at(self._since)
        card.note(timezone.localtime(seen_at).replace(hour=0, minute=0), _UPTIME_S)
        self.tell(seen_at)

    def tell(self, now: dt.datetime) -> None:
        """Tell what is seen at ``now``."""
        if not self._home.days:
            return
        self._plugs(now)
        self._sightings(now)
        self._pihole(now)
        card.note(now, _UPTIME_S)
        ring.keep(meter.sample(now))
        if self._home.nas is NasState.ONLINE:
            self._transfer(now)
        if self._home.nas is NasState.BOOTING:
            self._wake(now)

    @staticmethod
    def _wake(now: dt.datetime) -> None:
        at = now - dt.timedelta(seconds=_WAKING_S)
        Wake.objects.filter(result=WakeResult.RUNNING).update(
            requested_at=at,
            packet_sent_at=at,
            power_seen_at=at + dt.timedelta(seconds=3),
            uptime_s=moment_at(now).uptime_s - _WAKING_S,
            deadline_at=at + dt.timedelta(seconds=90),
        )

    def _plugs(self, now: dt.datetime) -> None:
        is_sample = not self._sampled_at or (now - self._sampled_at).total_seconds() >= _SAMPLE_S
        if is_sample:
            self._sampled_at = now
        for plug in SmartPlug.objects.filter(status__in=[PlugStatus.OK, PlugStatus.UNKNOWN]):
            self._samples.put(self._reading(plug, now), is_sample=is_sample)
        SmartPlug.objects.filter(status=PlugStatus.UNKNOWN).update(status=PlugStatus.OK)

    def _reading(self, plug: SmartPlug, now: dt.datetime) -> Reading:
        is_nas = plug.role == PlugRole.NAS
        load = self._freezer if plug.name == "Freezer" else self._monitor
        mean_w = _NAS_W.get(self._home.nas, 1.1) if is_nas else load.power_w(now)
        wobble = math.sin(now.timestamp() / 7 + plug.pk)
        return Reading(
            device_id=plug.device_id,
            at=now,
            power_w=round(mean_w * (1 + 0.04 * wobble), 3),
            voltage_v=230.4,
            current_a=0.2,
            today_energy_wh=None,
            relay_on=True,
            rssi=-52,
        )

    def _sightings(self, now: dt.datetime) -> None:
        moment, status = moment_at(now), NasStatus.objects.get(pk=1)
        age_s = (now - self._since).total_seconds()
        at_s = moment.uptime_s - (0 if self._home.is_fresh else 7200 - max(age_s, 0.0))
        is_awake = self._home.nas is NasState.ONLINE
        seen = Sightings(
            presence=Presence.OK if is_awake else Presence.SILENT,
            presence_s=at_s,
            presence_ok_s=at_s if is_awake else at_s - 9000,
            probe=Answer.GOOD if is_awake else Answer.TIMEOUT,
            probe_status=200 if is_awake else None,
            probe_s=at_s,
            good_probe_s=at_s if is_awake else at_s - 9000,
        )
        save_notes(
            Notes(
                boot_id=moment.boot_id,
                saved_s=at_s,
                moved=status.move_id,
                moved_s=at_s - 9000,
                memory=Memory(),
                sightings=seen,
            )
        )

    def _pihole(self, now: dt.datetime) -> None:
        is_failing = self._home.is_failing
        leads_to_nas = self._home.nas is NasState.ONLINE or is_failing
        address = settings.NAS_IP if leads_to_nas else settings.PI_IP
        began_at = now - dt.timedelta(minutes=22)
        url = {"url": settings.PIHOLE_URL, "reason": "Connection refused"}
        figures = Statistics(
            queries=18412,
            blocked=2870,
            percent_blocked=15.6,
            domains_on_lists=171_000,
            blocking="enabled",
            blocking_timer_s=None,
            version="v6.3",
            top_blocked=_counts("ads.example.com", "telemetry.tv.example.net", "pixel.example.org"),
            top_permitted=_counts("time.example.org", "updates.example.com", "mail.example.net"),
        )
        look = Look(
            at=now,
            names=tuple(
                NameLook(name=name, answer="address", addresses=(address,))
                for name in settings.DNS_NAMES
            ),
            problem=Complaint(ProblemCode.UNREACHABLE, url, began_at) if is_failing else None,
            failures=30 if is_failing else 0,
            next_try_at=now + dt.timedelta(seconds=7) if is_failing else None,
            statistics=figures,
            statistics_at=began_at if is_failing else now,
        )
        pihole_status.save(look)

    def _transfer(self, now: dt.datetime) -> None:
        total, rate = round(2.4 * _GIB), 11.2 * _MIB
        sent = min(round(0.3 * _GIB + rate * (now - self._since).total_seconds()), total)
        progress.save(
            progress.Progress(
                phase=progress.Phase.SENDING,
                files_total=14,
                files_done=3,
                bytes_total=total,
                bytes_sent=sent,
                rate_bytes_s=rate,
                left_s=(total - sent) / rate,
                at=now,
            )
        )


def pretend_to_be_a_pi(home: Home) -> Iterator[Any]:
    """Yield patches that give this machine what only a Pi has: its heat, card and firmware's word."""
    status = PiStatus(
        hostname="balupi",
        cpu_percent=7.0,
        memory_percent=43.0,
        memory_used_mb=398,
        memory_total_mb=921,
        disk_percent=97.0 if home.is_failing else 31.0,
        disk_used_mb=29000 if home.is_failing else 9216,
        disk_total_mb=29720,
        temperature_c=81.0 if home.is_failing else 47.0,
        uptime_seconds=_UPTIME_S,
    )
    word = of_word(0x50005 if home.is_failing else 0)
    yield mock.patch("balupi_site.page.pi.pi_status", return_value=status)
    yield mock.patch("balupi_site.page.pi.throttling", return_value=word)
    yield mock.patch("balupi_site.monitor.card.counter", _counter)
    yield mock.patch("balupi_site.page.pi.is_plausible", return_value=not home.is_failing)


def _counter(now: dt.datetime, uptime_s: float) -> card.Counter:
    written = _DAILY_BYTES * uptime_s / 86400 + 120 * (now.timestamp() % 86400)
    return card.Counter("mmcblk0", round(written), now - dt.timedelta(seconds=uptime_s))


def _counts(*domains: str) -> tuple[DomainCount, ...]:
    return tuple(
        DomainCount(domain=domain, count=900 // number) for number, domain in enumerate(domains, 1)
    )
