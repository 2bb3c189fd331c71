"""``manage.py switch_dns``: without worker, with exit codes."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from balupi_site.lib.locks import file_lock
from pihole import services
from pihole.dns_query import ask
from pihole.management.commands import switch_dns
from pihole.models import NameStatus
from pihole.tests.sim import Pihole

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def run(target: str) -> str:
    out = StringIO()
    call_command("switch_dns", target, stdout=out)
    return out.getvalue()


def test_it_switches_at_once_and_says_what_dns_answers(
    pihole: Pihole, settings: Any, no_redis: None
) -> None:
    said = run("nas")
    assert ask("baluhost.local", pihole.dns, within_s=2.0).addresses == (settings.NAS_IP,)
    assert said.splitlines() == [
        "wanted: nas (override by switch_dns)",
        f"baluhost.local: DNS answers {settings.NAS_IP}, right (asked 0 s ago)",
        f"baluhost.lan: DNS answers {settings.NAS_IP}, right (asked 0 s ago)",
        "Pi-hole's records were changed",
    ]
    assert pihole.describe()["sessions"] == 0


def test_it_is_an_override_until_auto(pihole: Pihole, settings: Any, redis_server: Any) -> None:
    services.want("pi", "asleep", NOW)
    run("nas")
    assert NameStatus.current().override == "nas"
    assert "wanted: pi (asleep)" in run("auto")
    assert NameStatus.current().override == ""
    assert ask("baluhost.local", pihole.dns, within_s=2.0).addresses == (settings.PI_IP,)


def test_status_decides_nothing(pihole: Pihole, redis_server: Any) -> None:
    said = run("status")
    assert "wanted: left as they are (nothing decided yet)" in said
    assert "records were as they should be" in said
    assert "baluhost.local: DNS answers that there is no such name (asked 0 s ago)" in said
    assert NameStatus.objects.count() == 0


def test_status_mends_what_is_not_as_wanted(
    pihole: Pihole, settings: Any, redis_server: Any
) -> None:
    services.want("pi", "asleep", NOW)
    assert "records were changed" in run("status")


def test_a_warning_is_shown_and_is_no_failure(pihole: Pihole, redis_server: Any) -> None:
    pihole.break_with("no_password")
    assert "warning: Pi-hole has no password" in run("pi")


def test_a_problem_is_exit_code_1_with_its_sentence(pihole: Pihole, redis_server: Any) -> None:
    pihole.break_with("read_only")
    with pytest.raises(CommandError, match="read-only") as caught:
        run("pi")
    assert caught.value.returncode == 1


def test_a_person_may_have_the_password_tried_again(
    pihole: Pihole, settings: Any, redis_server: Any
) -> None:
    pihole.break_with("password_changed")
    services.reconcile(NOW, sleep=lambda _seconds: None)
    pihole.mend()  # somebody gives Pi-hole the password that BaluPi has
    assert "right" in run("pi")


@pytest.mark.parametrize("words", [[], ["moon"], ["nas", "pi"]])
def test_bad_usage_is_exit_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        switch_dns.Command().run_from_argv(["manage.py", "switch_dns", *words])
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_another_process_that_does_not_finish_is_told(
    pihole: Pihole, monkeypatch: pytest.MonkeyPatch, redis_server: Any
) -> None:
    real = services.reconcile
    monkeypatch.setattr(
        services, "reconcile", lambda now, **options: real(now, within_s=0.1, **options)
    )
    with file_lock("pihole-write"), pytest.raises(CommandError, match="Another process of BaluPi"):
        run("pi")
