"""What the simulated Pi-hole says of itself and its machine; shapes as in stats_and_info."""

import math
from collections.abc import Callable
from typing import Protocol

from simhome.clock import Clock
from simhome.pihole_config import PiholeConfig
from simhome.pihole_household import BLOCKLIST_SIZE, CLIENTS
from simhome.pihole_http import ApiRequest, Body
from simhome.pihole_names import DNSMASQ_COUNTERS
from simhome.pihole_stats import Statistics

# The versions of the recordings (Pi-hole notes, "What ran"; stats_and_info, step 2).
_FTL_VERSION = "v6.4.1"
_VERSIONS = {"core": "v6.3", "web": "v6.4", "ftl": _FTL_VERSION}
_FTL_DATE = "2025-11-27"
# A Raspberry Pi 4 with 4 GB, up for some days when the simulation starts.
_UPTIME_AT_START_SECONDS = 1_048_000
_RAM_KIB = 3_884_532
_SWAP_KIB = 524_284
_CORES = 4
_PID = 812


class BlockingState(Protocol):
    """The part of the daemon that knows whether it blocks."""

    @property
    def word(self) -> str:
        """Return "enabled" or "disabled"."""


class Info:
    """Answers below /api/info, the padd bundle, and lists that are empty in this household."""

    def __init__(
        self, config: PiholeConfig, statistics: Statistics, blocking: BlockingState, clock: Clock
    ) -> None:
        """Describe a daemon that starts now."""
        self._config = config
        self._statistics = statistics
        self._blocking = blocking
        self._clock = clock
        self._started = clock.monotonic()

    def public(self) -> dict[str, Callable[[ApiRequest], Body]]:
        """Return the GET endpoints that need no login."""
        return {"/api/info/login": self.login, "/api/info/client": self.client}

    def protected(self) -> dict[str, Callable[[ApiRequest], Body]]:
        """Return the GET endpoints that need a login."""
        return {
            "/api/info/version": lambda _: {"version": self._version()},
            "/api/info/system": lambda _: {"system": self._system()},
            "/api/info/ftl": lambda _: {"ftl": self._ftl()},
            "/api/info/host": lambda _: {"host": _HOST},
            "/api/info/database": self.database,
            "/api/info/sensors": lambda _: {"sensors": {"list": [], **self._sensors()}},
            "/api/info/messages/count": lambda _: {"count": 0},
            "/api/info/messages": lambda _: {"messages": []},
            "/api/padd": self.padd,
            "/api/network/devices": lambda _: {"devices": []},
            "/api/dhcp/leases": lambda _: {"leases": []},
        }

    def login(self, _: ApiRequest) -> Body:
        """GET /api/info/login (auth_login_basic, step 1)."""
        return {"dns": True, "https_port": 0}

    def client(self, request: ApiRequest) -> Body:
        """GET /api/info/client: the request as it arrived."""
        headers = [{"name": name, "value": value} for name, value in request.headers.items()]
        return {
            "remote_addr": request.remote_address,
            "http_version": "1.1",
            "method": request.method,
            "headers": headers,
        }

    def database(self, _: ApiRequest) -> Body:
        """GET /api/info/database."""
        now = int(self._clock.now().timestamp())
        return {
            "size": 96_468_992,
            "type": "Regular file",
            "mode": "rw-r-----",
            "atime": now,
            "mtime": now,
            "ctime": now,
            "owner": {
                "user": {"uid": 999, "name": "pihole", "info": "pihole"},
                "group": {"gid": 999, "name": "pihole"},
            },
            "queries": self._statistics.totals().total,
            "earliest_timestamp": float(now - 86400),
            "queries_disk": 0,
            "earliest_timestamp_disk": 0,
            "sqlite_version": "3.51.0",
        }

    def padd(self, _: ApiRequest) -> Body:
        """GET /api/padd: most of a dashboard in one answer."""
        statistics = self._statistics
        permitted, blocked = statistics.top(blocked=False), statistics.top(blocked=True)
        return {
            "recent_blocked": statistics.latest_blocked(1)[0],
            "active_clients": len(CLIENTS),
            "gravity_size": BLOCKLIST_SIZE,
            "top_domain": permitted[0][0] if permitted else None,
            "top_blocked": blocked[0][0] if blocked else None,
            "top_client": CLIENTS[0][0],
            "blocking": self._blocking.word,
            "queries": statistics.queries(),
            "cache": {
                "size": self._config.number("dns.cache.size"),
                "inserted": statistics.totals().forwarded,
                "evicted": 0,
            },
            "system": self._system(),
            "node_name": "pihole",
            "host_model": "Raspberry Pi 4 Model B Rev 1.5",
            "iface": _INTERFACES,
            "version": self._version(),
            "config": self._config_extract(),
            "%mem": 0.62,
            "%cpu": self._load() * 4,
            "pid": _PID,
            "sensors": self._sensors(),
        }

    def _version(self) -> Body:
        versions: Body = {}
        for name, version in _VERSIONS.items():
            local: Body = {"branch": "master", "version": version, "hash": None}
            if name == "ftl":
                local["date"] = _FTL_DATE
            versions[name] = {"local": local, "remote": {"version": version, "hash": None}}
        return versions | {"docker": {"local": None, "remote": None}}

    def _system(self) -> Body:
        load = self._load()
        used = int(_RAM_KIB * (0.21 + 0.02 * load))
        ram = {"total": _RAM_KIB, "free": _RAM_KIB // 2, "used": used, "available": _RAM_KIB - used}
        swap = {"total": _SWAP_KIB, "free": _SWAP_KIB, "used": 0, "%used": 0}
        raw = [load, load * 0.9, load * 0.8]
        return {
            "uptime": int(_UPTIME_AT_START_SECONDS + self._uptime_seconds()),
            "memory": {"ram": ram | {"%used": 100 * used / _RAM_KIB}, "swap": swap},
            "procs": 168,
            "cpu": {
                "nprocs": _CORES,
                "%cpu": 12 * load,
                "load": {"raw": raw, "percent": [100 * value / _CORES for value in raw]},
            },
            "ftl": {"%mem": 0.62, "%cpu": 4 * load},
        }

    def _ftl(self) -> Body:
        totals = self._statistics.totals()
        counters = dict.fromkeys(DNSMASQ_COUNTERS, 0)
        counters["dns_queries_forwarded"] = totals.forwarded
        counters["dns_local_answered"] = totals.cached + totals.blocked
        counters["dns_cache_inserted"] = totals.forwarded
        none = {"total": 0, "enabled": 0}
        return {
            "database": {
                "gravity": BLOCKLIST_SIZE,
                "groups": 1,
                "lists": 1,
                "clients": 0,
                "domains": {"allowed": none, "denied": none},
                "regex": {"allowed": none, "denied": none},
            },
            "privacy_level": 0,
            "query_frequency": self._statistics.frequency(),
            "clients": {"total": len(CLIENTS), "active": len(CLIENTS)},
            "pid": _PID,
            "uptime": self._uptime_seconds() * 1000,
            "%mem": 0.62,
            "%cpu": 4 * self._load(),
            "allow_destructive": True,
            "dnsmasq": counters,
        }

    def _config_extract(self) -> Body:
        return {
            "dhcp_active": False,
            "dhcp_start": "",
            "dhcp_end": "",
            "dhcp_ipv6": False,
            "dns_domain": self._config.text("dns.domain.name"),
            "dns_port": self._config.number("dns.port"),
            "dns_num_upstreams": len(self._config.strings("dns.upstreams")),
            "dns_dnssec": self._config.flag("dns.dnssec"),
            "dns_revServer_active": False,
            "privacy_level": 0,
        }

    def _sensors(self) -> Body:
        return {"cpu_temp": 44.0 + 6 * self._load(), "hot_limit": 60, "unit": "C"}

    def _uptime_seconds(self) -> float:
        return self._clock.monotonic() - self._started

    def _load(self) -> float:
        """Return a load average that wanders between 0.1 and 0.5 in half an hour."""
        return 0.3 + 0.2 * math.sin(self._clock.now().timestamp() / 1800 * 2 * math.pi)


_HOST: Body = {
    "uname": {
        "domainname": "(none)",
        "machine": "aarch64",
        "nodename": "pihole",
        "release": "6.6.31+rpt-rpi-v8",
        "sysname": "Linux",
        "version": "#1 SMP PREEMPT Debian",
    },
    "model": "Raspberry Pi 4 Model B Rev 1.5",
    "dmi": {
        "bios": {"vendor": None},
        "board": {"name": None, "vendor": None, "version": None},
        "product": {"name": None, "family": None, "version": None},
        "sys": {"vendor": None},
    },
}
_INTERFACES: Body = {
    "v4": {
        "addr": "192.0.2.2",
        "rx_bytes": {"value": 18.4, "unit": "G"},
        "tx_bytes": {"value": 21.7, "unit": "G"},
        "num_addrs": 1,
        "name": "eth0",
        "gw_addr": "192.0.2.1",
    },
    "v6": {"addr": "fd00::2", "num_addrs": 2, "name": "eth0", "gw_addr": "fd00::1"},
}
