"""A trial's one-shot program: fills in what a household's first evening would, and says hello."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from trial import OWNER, PYTHON, ROOT, manage, run_quietly


def main() -> int:
    """Fill a fresh trial, wait until all of it lives, and print how to reach it."""
    data_dir = Path(os.environ["BALUPI_ENV_FILE"]).parent
    trial = json.loads((data_dir / "try.json").read_text())
    _wait_for("the simulated home", lambda: run_quietly([*trial["simhome"], "status"]))
    _wait_for("the page", lambda: _get(trial["url"], "/api/health"))
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "balupi_site.settings"
    import django  # noqa: PLC0415  # only this one-shot program needs it

    django.setup()
    _make_owner(trial)
    _connect_inbox(trial)
    manage("discover_plugs")
    _wait_for("the plugs", _all_plugs_live)
    print(_greeting(trial), flush=True)
    return 0


def _connect_inbox(trial: dict[str, Any]) -> None:
    """Do what 'manage.py connect_inbox' asks of a person: our key goes to the NAS, its host key here."""
    from django.conf import settings  # noqa: PLC0415  # after django.setup()

    from handshake.services import connecting  # noqa: PLC0415
    from simhome.nas_ssh import SshTarget  # noqa: PLC0415

    connecting.make_inbox()
    if not trial["nas_ssh_port"]:  # a trial that was made before the simulated NAS had ssh
        return
    key = connecting.ensure_key()
    target = SshTarget(
        host=trial["nas_ip"], port=trial["nas_ssh_port"], folder=Path(trial["nas_inbox"]).parent
    )
    target.authorize(key.with_name(key.name + ".pub").read_text())
    settings.NAS_SSH_KNOWN_HOSTS.write_text(target.known_hosts_line() + "\n")


def _make_owner(trial: dict[str, Any]) -> None:
    from django.contrib.auth.models import User  # noqa: PLC0415  # after django.setup()

    owner, _created = User.objects.get_or_create(
        username=OWNER, defaults={"is_staff": True, "is_superuser": True}
    )
    if not owner.check_password(trial["password"]):
        owner.set_password(trial["password"])
        owner.save()


def _all_plugs_live() -> bool:
    from django.utils import timezone  # noqa: PLC0415  # after django.setup()

    from energy.services import latest_readings  # noqa: PLC0415

    latest = latest_readings(timezone.now())
    return bool(latest) and all(item.reading is not None and not item.is_stale for item in latest)


def _greeting(trial: dict[str, Any]) -> str:
    simhome = "python -m simhome --dir " + trial["simhome"][-1]
    address, _, port = trial["pihole_dns"].rpartition(":")
    nas_users = "\n                   ".join(
        f"{user['username']}  {user['password']}"
        + (f"  (code {user['totp_code']})" if user["totp_code"] else "")
        for user in trial["nas_users"]
    )
    return f"""
  BaluPi is running, with a simulated home around it.

    Page           {trial["url"]}/
    Login          {trial["user"]}  {trial["password"]}   or as a user of the NAS:
                   {nas_users}
    Inbox          {trial["inbox"]}   what you put there goes to {trial["nas_inbox"]}
    Where the name leads    dig +short @{address} -p {port} baluhost.local
    Play the home           {Path(PYTHON).parent}/{simhome} nas crash     (or: status, --help)
    For programs            {trial["data_dir"]}/try.json

  Ctrl-C stops everything.
"""


def _wait_for(what: str, check: Any, deadline_s: float = 60) -> None:  # noqa: ANN401  # any truthy answer
    end_s = time.monotonic() + deadline_s
    while True:
        with contextlib.suppress(OSError, subprocess.SubprocessError, http.client.HTTPException):
            if check():
                return
        if time.monotonic() > end_s:
            sys.exit(
                f"Gave up waiting for {what} after {deadline_s:.0f} s; the lines above say why."
            )
        time.sleep(0.3)


def _get(url: str, path: str) -> bool:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=3)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK


if __name__ == "__main__":
    sys.exit(main())
