"""Run the worker process: Celery threads, and beat as one more thread."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
import warnings
from typing import Any

from celery import beat, signals
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError
from django.utils import timezone

from balupi_site.celery import app
from balupi_site.lib.errors import in_a_line
from balupi_site.lib.notify import ALIVE, READY, STOPPING, notify, status
from balupi_site.lib.progress import Work, advance, advanced_s
from balupi_site.lib.queue import enqueue, plug_queue
from balupi_site.lib.redis import RedisError, client
from balupi_site.processes.guard import Guard, patience_s
from balupi_site.processes.lead import Lead
from balupi_site.processes.watchdog import WorkerJudge
from handshake.folder import ignore_lease_signals

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Poll plugs, watch the NAS and keep its name right until SIGTERM."""

    help = (
        "Run the background work until SIGTERM: one process with a pool of threads. Of several at "
        "home one leads, with beat, the plugs and the watch of the NAS inside, and the others help; "
        "with BALUPI_SITE it talks to the plugs of that site only."
    )
    requires_system_checks = []  # noqa: RUF012  # upstream's type; web's start or `check` tells

    def handle(self, **_options: Any) -> None:  # noqa: ANN401  # Django's signature
        ignore_lease_signals()  # before any thread holds a file of the inbox
        lead = Lead(plug_queue(settings.SITE))
        if settings.SITE:
            _wait_to_lead(lead)  # there is nothing to help with
        worker = _worker(_queues(leads=lead.take()))
        ending = _Ending()
        signals.worker_shutting_down.connect(ending.begin)
        signals.task_prerun.connect(_note_task)
        is_home_lead = lead.is_ours and not settings.SITE
        if is_home_lead:
            ending.start_beat()
        if lead.is_ours:
            signals.worker_ready.connect(_begin_at_once)
        logger.info("worker starts, %s threads", settings.WORKER_THREADS)
        service = _Service(leads=is_home_lead)
        signals.worker_ready.connect(service.ready)
        service.guard()

        def begin_to_lead() -> None:
            _consume_too(worker, settings.PLUG_QUEUE)
            ending.start_beat()
            service.begin_to_lead()
            _begin_at_once()

        lead.keep(begin=begin_to_lead, lost=ending.end_for_restart)
        if settings.SITE:
            threading.Thread(target=ending.poll_without_home, name="polls", daemon=True).start()
        worker.start()
        ending.finish()
        raise SystemExit(ending.exit_code or worker.exitcode or 0)


def _wait_to_lead(lead: Lead) -> None:
    """Wait until it is ours; the service manager would end a start that takes long, again and again."""
    if lead.take():
        return
    notify(READY, status("waits for home's database, or for another worker of this site to end"))
    lead.wait(meanwhile=lambda: notify(ALIVE))


def _worker(queues: list[str]) -> Any:  # noqa: ANN401  # Celery's, without types
    """Return Celery's worker for these queues, not yet started."""
    os.environ["CELERY_SKIP_CHECKS"] = "true"  # 17 MiB of memory for checks that ran before
    # Celery warns of root because of pickled messages; ours are JSON.
    warnings.filterwarnings("ignore", message="You're running the worker with superuser")
    return app.Worker(
        queues=queues,
        pool="threads",
        concurrency=settings.WORKER_THREADS,
        loglevel="WARNING",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        task_events=False,
        quiet=True,
    )


def _note_task(**_kwargs: Any) -> None:  # noqa: ANN401  # signal arguments
    advance(Work.TASKS)


def _queues(*, leads: bool) -> list[str]:
    """Return which tasks this worker takes."""
    if settings.SITE:
        return [plug_queue(settings.SITE)]
    return [app.conf.task_default_queue, *([settings.PLUG_QUEUE] if leads else [])]


def _consume_too(worker: Any, queue: str) -> None:  # noqa: ANN401  # Celery's, without types
    """Have a running worker take the tasks of one more queue."""
    # This is where a new connection to Redis looks.
    app.amqp.queues.select_add(app.amqp.queues[queue])
    worker.consumer.call_soon(worker.consumer.add_task_queue, queue)


def _begin_at_once(**_kwargs: Any) -> None:  # noqa: ANN401  # signal arguments
    """Look around now; beat sends the first of each task only after its period."""
    from energy.tasks import poll_plugs  # noqa: PLC0415  # apps are not ready at import
    from handshake.tasks import tend_inbox  # noqa: PLC0415
    from nasctl.tasks import watch_nas  # noqa: PLC0415
    from pihole.tasks import reconcile_names  # noqa: PLC0415

    if settings.SITE:
        enqueue(poll_plugs, queue=plug_queue(settings.SITE))
        return
    for task in (watch_nas, poll_plugs, reconcile_names, tend_inbox):
        enqueue(task)


class _Service:
    """What the service manager hears of this worker."""

    def __init__(self, *, leads: bool) -> None:
        self._is_ready = False
        self._told = ""
        self._judge = WorkerJudge(
            leads=leads,
            normal_s={
                Work.BEAT: settings.CELERY_BEAT_MAX_LOOP_INTERVAL,
                Work.WATCH: settings.PRESENCE_INTERVAL_SECONDS,
            },
            patience_s=patience_s() or 0.0,
            waiting=_waiting_count,
            now_s=time.monotonic(),
        )

    def ready(self, **_kwargs: Any) -> None:  # noqa: ANN401  # signal arguments
        """Tell that tasks are taken; or, once, that nothing but Redis is missing for it."""
        self._is_ready = True
        notify(READY)

    def guard(self) -> None:
        """Have a service manager that asks for it start this process again when it is stuck."""
        patience = patience_s()
        if patience is None:
            return
        judge = self._judge
        Guard(
            judge,
            patience_s=patience,
            looked=lambda: self._tell(redis_answers=judge.redis_answers),
            last_work=_store_samples,
        ).start()

    def begin_to_lead(self) -> None:
        """Be judged by what the one who leads does."""
        self._judge.begin_to_lead(time.monotonic())

    def _tell(self, *, redis_answers: bool) -> None:
        if not redis_answers and not self._is_ready:  # it works as soon as Redis is there
            self.ready()
        how = "works" if redis_answers else "waits for Redis"
        if how != self._told:
            self._told = how
            notify(status(how))


def _waiting_count() -> int | None:
    """Return how many tasks wait to be taken; None where Redis does not answer."""
    try:
        return sum(int(client().llen(queue)) for queue in list(app.amqp.queues.consume_from))
    except RedisError:
        return None


def _store_samples() -> None:
    if settings.SITE:  # home stores them
        return
    from energy.services import store_samples  # noqa: PLC0415  # apps are not ready at import

    store_samples(timezone.now())


class _Ending:
    """What a worker owes the household before it goes, and beat's life beside it."""

    def __init__(self) -> None:
        self.exit_code = 0
        self._going = threading.Event()
        self._beat: Any = None

    def start_beat(self) -> None:
        """Run beat in a thread; the process ends with it, so that the service manager restarts both."""
        self._beat = beat.EmbeddedService(
            app, thread=True, scheduler_cls=settings.CELERY_BEAT_SCHEDULER
        )
        self._beat.start()
        threading.Thread(target=self._end_with_beat, name="beat-guard", daemon=True).start()

    def _end_with_beat(self) -> None:
        self._beat.join()
        if not self._going.is_set():
            logger.critical("beat has ended; the worker ends too, to be started again")
            self.end_for_restart()

    def end_for_restart(self) -> None:
        """End this process as a failed one, which the service manager starts again."""
        self.exit_code = 1
        os.kill(os.getpid(), signal.SIGTERM)

    def poll_without_home(self) -> None:
        """Go on polling at another site, until the end, where home sends no sweeps."""
        from energy.services.sites import poll_without_home  # noqa: PLC0415  # as below
        from energy.tasks import poll_plugs  # noqa: PLC0415

        poll_without_home(poll_plugs, lambda: advanced_s(Work.TASKS), is_over=self._going)

    def begin(self, **_kwargs: Any) -> None:  # noqa: ANN401  # signal arguments
        """Ask everything that loops or waits to end; called by the signal handler, so only flags."""
        from energy.services import close_connections  # noqa: PLC0415  # apps are not ready at import
        from handshake.services import stop_flushing  # noqa: PLC0415
        from nasctl.services import stop_watching  # noqa: PLC0415

        self._going.set()
        notify(STOPPING)
        stop_watching()
        stop_flushing()
        # A read of a hanging plug would hold up the end; in a thread, because it takes locks.
        threading.Thread(target=close_connections, name="close-plugs", daemon=True).start()

    def finish(self) -> None:
        """Save beat's state, store the samples that wait, give back sessions."""
        from energy import services as energy  # noqa: PLC0415  # apps are not ready at import
        from pihole import services as pihole  # noqa: PLC0415

        for what, step in (
            ("save beat's state", lambda: self._beat and self._beat.service.scheduler.close()),
            ("store the last samples", _store_samples),
            ("close the plugs' connections", energy.close_connections),
            ("log out of Pi-hole", pihole.close_session),
        ):
            try:
                step()
            except DatabaseError as error:  # a traceback would say no more
                logger.error("could not %s at the end: %s", what, in_a_line(error))  # noqa: TRY400
            except Exception:  # the other steps must still run
                logger.exception("could not %s at the end", what)
