"""Runs the product and notes each task that is sent or begins: ``noting_tasks.py FILE manage.py run_worker``.

A line of JSON each: what happened, when, in which process, the message's id, and the regular task it
was sent for.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import time
from pathlib import Path
from typing import Any

from celery import signals


def main() -> None:
    """Run the program; its arguments are those after the file's name."""
    file, *command = sys.argv[1:]

    def note(what: str, message_id: str, task: str, regular: str = "") -> None:
        line = {"what": what, "id": message_id, "task": task, "regular": regular}
        text = json.dumps({**line, "at_s": time.time(), "pid": os.getpid()})
        with Path(file).open("a") as notes:  # short lines: whole ones, whoever writes
            notes.write(text + "\n")

    def sent(sender: str, headers: dict[str, Any], **_more: Any) -> None:
        note("sent", headers["id"], sender, headers.get("periodic_task_name") or "")

    def begun(task_id: str, task: Any, **_more: Any) -> None:
        note("begun", task_id, task.name)

    signals.after_task_publish.connect(sent, weak=False)
    signals.task_prerun.connect(begun, weak=False)
    sys.argv = command
    sys.path.insert(0, str(Path(command[0]).resolve().parent))
    runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    main()
