"""Asking the worker for something and waiting for its answer: a list in Redis that lives a minute."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, astuple
from typing import TYPE_CHECKING, Any

from celery import Task
from django.utils.translation import gettext_noop
from kombu.exceptions import OperationalError

from balupi_site.lib.errors import BaluPiError, PermanentError, RefusedError, TransientError
from balupi_site.lib.kept import kept
from balupi_site.lib.origin import Origin, acting_for, origin
from balupi_site.lib.queue import plug_queue
from balupi_site.lib.redis import RedisError, client
from balupi_site.lib.waiting import waiting_for_outside

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

logger = logging.getLogger(__name__)

#: How long an answer waits for the one who asked.
_KEPT_S = 60


#: Where so much waits at a site nobody takes it, and more would only fill Redis until somebody does.
_MOST_WAITING_AT_SITE = 20


class NoAnswerError(TransientError):
    """Nobody can tell whether what was asked for was done."""


_ERRORS: dict[str, type[BaluPiError]] = {
    error.__name__: error for error in (TransientError, PermanentError, RefusedError)
}

REDIS_IS_AWAY = gettext_noop(
    "Redis does not answer, so the worker cannot be asked. Does the service balupi-redis run?"
)
SURPRISE = gettext_noop("The worker failed at this; its log says why.")
WORKER_IS_AWAY = gettext_noop(
    "The worker did not answer in time; whether it still did what was asked is not known. "
    "Look at the present state first, and whether the service balupi-worker runs."
)
NO_WORKER_AT_SITE = gettext_noop(
    "No worker answers for the site %(site)s. Does balupi-worker run on the machine there "
    "(BALUPI_SITE=%(site)s), and does that machine reach PostgreSQL and Redis here?"
)
SITE_IS_AWAY = gettext_noop(
    "The worker of the site %(site)s did not answer in time; whether it still did what was asked is "
    "not known. Does balupi-worker run on the machine there, and does that machine reach this one?"
)


def ask_worker(
    task: Task[Any, Any],
    *args: str,
    wait_s: int,
    site: str = "",
) -> Any:  # noqa: ANN401  # JSON
    """Run ``task(reply_to, *args, by=...)`` in the worker and return what it answers.

    ``by`` is who asks, that the worker does it in that name; see ``answer``. ``site`` is whose worker
    is asked; "" is home's.

    The task is dropped where no worker has begun it within ``wait_s``: nothing is switched long
    after somebody asked for it.

    Raises:
        BaluPiError: as raised in the worker.
        TransientError: nothing was asked, because nobody takes what was asked of that site before.
        NoAnswerError: no answer comes.
    """
    reply_to = f"reply:{uuid.uuid4()}"
    with waiting_for_outside():
        try:
            if site and int(client().llen(plug_queue(site))) >= _MOST_WAITING_AT_SITE:
                raise TransientError(kept(NO_WORKER_AT_SITE, site=site))
            task.apply_async(
                args=(reply_to, *args),
                kwargs={"by": astuple(origin())},
                expires=wait_s,
                queue=plug_queue(site),
                retry=False,
            )
            item: Any = client(patience_s=wait_s + 1).blpop([reply_to], timeout=wait_s)
        except (OperationalError, RedisError, OSError) as error:
            raise NoAnswerError(REDIS_IS_AWAY) from error
    if item is None:
        raise NoAnswerError(kept(SITE_IS_AWAY, site=site) if site else WORKER_IS_AWAY)
    return _unpacked(json.loads(item[1]))


def answer(reply_to: str, work: Callable[[], Any], *, by: Sequence[str] = ()) -> None:
    """Do the work and send its result, or its error, to the one who asked; for tasks.

    Args:
        reply_to: where the answer is waited for.
        work: what is to be done.
        by: who asked, as ``ask_worker`` sent it; it is done in that name.
    """
    started_s = time.monotonic()
    try:
        with acting_for(Origin(*by)):
            reply = {"result": work()}
    except BaluPiError as error:
        reply = {"error": type(error).__name__, "detail": error.kept}
        reply["code"] = getattr(error, "code", "")
    except Exception:  # an edge: whoever asked must not wait in vain
        logger.exception("a task that was asked for failed")
        reply = {"error": TransientError.__name__, "detail": SURPRISE}
    try:
        with client().pipeline(transaction=True) as pipe:
            pipe.rpush(reply_to, json.dumps(reply))
            pipe.expire(reply_to, _KEPT_S)
            pipe.execute()
    except RedisError as error:
        took_s = time.monotonic() - started_s
        logger.warning("an answer was lost after %.1f s, Redis is away: %s", took_s, error)


def as_json(rows: Iterable[DataclassInstance]) -> list[dict[str, Any]]:
    """Return rows of what was found or done as plain data, which an answer can hold."""
    return [asdict(row) for row in rows]


def _unpacked(reply: dict[str, Any]) -> Any:  # noqa: ANN401  # JSON
    if "error" not in reply:
        return reply["result"]
    if reply["error"] == RefusedError.__name__:
        raise RefusedError(reply["detail"], code=reply["code"])
    raise _ERRORS.get(reply["error"], TransientError)(reply["detail"])
