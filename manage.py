#!/usr/bin/env python3
"""Run BaluPi's commands: ``manage.py help`` lists them."""

import os
import sys
import warnings

#: The commands that start a long-running process; settings give each its own Redis deadlines.
_PROCESSES = {"run_web": "web", "run_worker": "worker"}
#: Django's commands that change who may come in: they tell nobody, so it is told for them.
_SILENT = {"changepassword", "createsuperuser"}
#: Django's options that every command has; they work, but hid a command's own in its help.
_UNTOLD = {
    "--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color", "--force-color",
}  # fmt: skip
#: Packages that libraries load only because they are installed, and do without where they are not: 2.4 MiB
#: of a small memory for each process. kombu reads messages in YAML, ours are JSON (it is here to describe the
#: API); requests guesses how a text is encoded that does not say so, we ask for JSON, which is UTF-8.
_NEVER_USED = ("yaml", "charset_normalizer", "chardet")


def main() -> int:
    """Run one management command; bad settings are told in a line each, without a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "balupi_site.settings")
    os.environ["BALUPI_PROCESS"] = _PROCESSES.get("".join(sys.argv[1:2]), "command")
    if os.environ["BALUPI_PROCESS"] != "command":
        _leave_out_the_unused()
    from django.core.management import BaseCommand, execute_from_command_line  # noqa: PLC0415
    from django.db import DatabaseError  # noqa: PLC0415

    from balupi_site.lib.env import SettingsError  # noqa: PLC0415  # after the environment is set

    BaseCommand.suppressed_base_arguments = _UNTOLD
    try:
        _refuse_root()
        execute_from_command_line(sys.argv)
        _record_run()
    except SettingsError as error:
        sys.stderr.write(f"BaluPi does not start, its settings need a hand:\n{error}\n")
        return 2
    except DatabaseError as error:
        if not (cure := _cure_of(error)):
            raise
        sys.stderr.write(f"{cure}\n")
        return 1
    return 0


def _leave_out_the_unused() -> None:
    """Let libraries find their optional packages missing; only before they are imported."""
    sys.modules.update(dict.fromkeys(_NEVER_USED))  # type: ignore[arg-type]  # None: there is none
    # requests tells whoever may have forgotten them.
    warnings.filterwarnings("ignore", message="Unable to find acceptable character detection")


def _refuse_root() -> None:
    """End where root would make files of a real home that the services cannot open, or be one of them."""
    if os.geteuid() != 0:
        return
    from django.conf import settings  # noqa: PLC0415  # after the environment is set

    if not settings.IS_PROD:
        return
    command = "".join(sys.argv[1:2])
    # The doctor becomes the data's owner by itself.
    if command in _PROCESSES or (command != "doctor" and settings.DATA_DIR.stat().st_uid != 0):
        sys.exit(
            f"Not as root: 'sudo balupi {command}' runs it as the user that the data belong to."
        )


def _cure_of(error: Exception) -> str:
    """Return what to do where the tables are missing; what fails to make them tells its own story."""
    from balupi_site.lib.database_trouble import cure_of  # noqa: PLC0415  # needs Django

    return "" if sys.argv[1:2] == ["migrate"] else cure_of(error)


def _record_run() -> None:
    """Write down that one of Django's own commands has let somebody in."""
    if "".join(sys.argv[1:2]) in _SILENT:
        from balupi_site.events.commands import record_run  # noqa: PLC0415  # needs Django

        record_run(sys.argv)


if __name__ == "__main__":
    sys.exit(main())
