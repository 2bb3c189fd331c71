"""``manage.py wake_nas`` and ``manage.py nas_status``."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from balupi_site.lib.errors import TransientError
from nasctl import services
from nasctl.evidence import Stage
from nasctl.models import NasStatus, Wake, WakeResult
from nasctl.moments import present_moment
from nasctl.services import moves, wakes
from nasctl.state import Reason
from nasctl.tests.conftest import Plug

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]

R = Reason
#: What happens to the wake each time the command looks, then its end.
Script = list[Callable[[Wake], object]]


def move(reason: Reason) -> None:
    status = moves.current_status(present_moment())
    assert moves.change_state(status, reason, now=present_moment())


def reach(*stages: Stage) -> Callable[[Wake], object]:
    return lambda wake: moves.record_stages(wake, stages, present_moment())


def succeed(wake: Wake) -> None:
    moves.end_wake(wake, present_moment())


def fail(wake: Wake) -> None:
    moves.end_wake(wake, present_moment(), failed=moves.missing_stage(wake))


def run(*options: str) -> str:
    out = StringIO()
    call_command("wake_nas", *options, stdout=out, no_color=True)
    return out.getvalue()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Callable[[Script], list[dict[str, Any]]]:
    """Have the command do the watching, by a script."""

    def use(script: Script) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []

        def watch(*, is_over: Callable[[], bool], **options: Any) -> bool:
            calls.append(options)
            while not is_over():
                script.pop(0)(Wake.objects.get())
            return True

        monkeypatch.setattr(services, "watch", watch)
        return calls

    return use


def test_without_wait_it_sends_and_ends(packets: list[str], enqueued: list[str]) -> None:
    assert "Signal sent" in run()
    assert len(packets) == 1
    assert enqueued == ["nasctl.tasks.watch_nas"]
    assert Wake.objects.get().requested_from == "command"


def test_it_tells_each_stage_as_it_comes_and_ends_when_the_nas_is_awake(watched: Any) -> None:
    calls = watched([reach(Stage.POWER_SEEN), reach(Stage.PORT_ANSWERED, Stage.HEALTHY), succeed])
    lines = run("--wait").splitlines()
    assert [line.split("s  ", 1)[1] for line in lines[:-1]] == [
        "Signal sent",
        "The NAS draws power",
        "The NAS answers on the network",
        "BaluHost is ready",
    ]
    assert lines[-1] == "The NAS is awake."
    assert calls[0]["asks_plug"] is False, "the plug has one session, and it is the worker's"


def test_a_nas_that_does_not_come_is_a_clear_failure(watched: Any) -> None:
    watched([reach(Stage.PORT_ANSWERED), fail])
    with pytest.raises(CommandError, match="BaluHost did not answer in time") as failure:
        run("--wait")
    assert failure.value.returncode == 1


def test_where_a_worker_watches_it_only_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    script = [reach(Stage.PORT_ANSWERED), succeed]
    monkeypatch.setattr(services, "watch", lambda **_options: False)
    monkeypatch.setattr(
        "nasctl.management.commands.wake_nas.time.sleep",
        lambda _seconds: script.pop(0)(Wake.objects.get()),
    )
    assert run("--wait").endswith("The NAS is awake.\n")


def test_it_refuses_with_exit_code_2(packets: list[str]) -> None:
    move(R.ANSWERS)
    with pytest.raises(CommandError, match=r"awake already.*--anyway") as failure:
        run("--wait")
    assert failure.value.returncode == 2
    assert packets == []
    assert "Signal sent" in run("--anyway")


def test_a_network_that_takes_no_packet_is_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_args: object, **_where: object) -> None:
        raise TransientError("no network")

    monkeypatch.setattr(wakes, "send_magic_packets", break_down)
    with pytest.raises(CommandError, match="no network") as failure:
        run()
    assert failure.value.returncode == 1


def test_interrupted_it_stops_waiting_and_the_wake_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(**_options: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(services, "watch", interrupt)
    assert "the wake goes on" in run("--wait")
    assert Wake.objects.get().result == WakeResult.RUNNING
    assert NasStatus.current(present_moment()).state == "booting"


def test_nas_status_tells_what_is_known(plug: Plug) -> None:
    move(R.ANSWERS)
    plug(33.4)
    out = StringIO()
    call_command("nas_status", stdout=out)
    text = out.getvalue()
    assert "online for 0\xa0s. BaluHost answers." in text
    assert "33.4 W, 5\xa0s ago (idle)" in text
    assert "to the NAS" in text
    assert "nobody watches the NAS" in text


def test_nas_status_before_anything_is_known() -> None:
    out = StringIO()
    call_command("nas_status", stdout=out)
    assert "unknown" in out.getvalue()
    assert "not known" in out.getvalue()
