"""Every recording of a real Pi-hole v6.4.1 is played against the simulated one."""

import functools

import pytest

from simhome.dns_zone import Upstream
from simhome.pihole_config import APP_SUDO, HOSTS, READ_ONLY, SESSION_TIMEOUT
from simhome.tests.pihole_replay import RECORDINGS, Setup, replay, steps_of

pytestmark = pytest.mark.enable_socket

APP_PASSWORD = "dummy-app-pw"
NO_UPSTREAM = Upstream.REFUSED
RATE_LIMIT = "dns.rateLimit.count"

# How the recorded daemon was configured, where it was not the default.
SETUPS = {
    "auth_app_password_app_sudo_false": Setup(app_password=APP_PASSWORD),
    "auth_app_password_app_sudo_true": Setup(
        app_password=APP_PASSWORD, upstream=NO_UPSTREAM, config={APP_SUDO: True, RATE_LIMIT: 1000}
    ),
    "auth_app_password_burst": Setup(app_password=APP_PASSWORD),
    "auth_create_app_password": Setup(upstream=NO_UPSTREAM, config={RATE_LIMIT: 1000}),
    "auth_no_password_set": Setup(password=""),
    "auth_seats_exceeded": Setup(app_password=APP_PASSWORD),
    "auth_session_across_restart": Setup(restarts={3: True, 4: False}),
    "auth_session_expiry_timeout_3s": Setup(config={SESSION_TIMEOUT: 3}),
    "auth_sessions_invalidated_by_password_change": Setup(
        app_password=APP_PASSWORD, upstream=NO_UPSTREAM, config={RATE_LIMIT: 1000}
    ),
    "auth_totp_enabled": Setup(app_password=APP_PASSWORD, totp=True),
    "auth_wrong_then_right_app_password": Setup(app_password=APP_PASSWORD),
    "cname_record_restarts_ftl": Setup(hosts=("10.0.0.1 baluhost.local",)),
    "hosts_concurrent_writers": Setup(hosts=("10.0.0.1 baluhost.local",)),
    "hosts_forced_by_env": Setup(hosts=("10.0.0.77 forced.local",), forced=(HOSTS,)),
    "hosts_misc_readonly": Setup(config={READ_ONLY: True}),
    "hosts_misc_readonly_restart": Setup(
        upstream=NO_UPSTREAM, config={READ_ONLY: True}, restarts={1: True}
    ),
}
_UNUSED = "nothing of ours asks it, so it is not simulated"
# Steps that are not played, each with the reason.
NOT_SIMULATED = {
    ("failure_shapes", 19): _UNUSED,  # /api/stats/database/summary
    ("stats_and_info", 22): _UNUSED,  # /api/queries
    ("stats_and_info", 26): _UNUSED,  # /api/network/gateway
    ("stats_and_info", 27): _UNUSED,  # /api/groups
    ("stats_and_info", 28): _UNUSED,  # /api/lists
    ("stats_and_info", 29): _UNUSED,  # /api/clients
    ("stats_and_info", 30): _UNUSED,  # /api/domains
}
NAMES = sorted(path.stem for path in RECORDINGS.glob("*.json"))
STEPS = [(name, number) for name in NAMES for number in range(len(steps_of(name)))]


@functools.cache
def differences(recording: str) -> list[list[str]]:
    return replay(recording, SETUPS.get(recording, Setup()))


def _title(recording: str, number: int) -> str:
    request = steps_of(recording)[number]["request"]
    assert isinstance(request, dict)
    return f"{recording}-{number:02d} {request['method']} {request['path']}"


@pytest.mark.parametrize(
    ("recording", "number"),
    [pytest.param(*step, id=_title(*step)) for step in STEPS if step not in NOT_SIMULATED],
)
def test_the_answer_is_the_recorded_one(recording: str, number: int) -> None:
    assert differences(recording)[number] == []


@pytest.mark.parametrize(
    ("recording", "number"), [pytest.param(*step, id=_title(*step)) for step in NOT_SIMULATED]
)
def test_what_is_not_simulated_is_not_found(recording: str, number: int) -> None:
    assert differences(recording)[number][0].startswith("status 404")


def test_each_setup_belongs_to_a_recording() -> None:
    assert SETUPS.keys() <= set(NAMES)
