"""Adapter: the samples of the last hour, in Redis; nothing of them is worth a write to the card."""

from __future__ import annotations

import logging

from balupi_site.lib.redis import RedisError, client
from balupi_site.monitor.samples import Sample, from_line, to_line

logger = logging.getLogger(__name__)

_KEY = "monitor:samples"
#: How often the worker looks.
INTERVAL_S = 30
KEPT_S = 3600
#: About 230 bytes each on a Pi: 27 kB of the 16 MB that Redis may use.
_KEPT = KEPT_S // INTERVAL_S


def keep(sample: Sample) -> None:
    """Add a sample and drop the oldest beyond an hour; one that Redis does not take is lost."""
    try:
        with client().pipeline(transaction=False) as pipe:
            pipe.lpush(_KEY, to_line(sample))
            pipe.ltrim(_KEY, 0, _KEPT - 1)
            pipe.execute()
    except RedisError as error:
        logger.debug("a sample of the machine is lost: %s", error)


def newest() -> Sample | None:
    """Return the last sample kept; None where there is none, or Redis is away."""
    try:
        line = client().lindex(_KEY, 0)
    except RedisError as error:
        logger.debug("no sample of the machine: %s", error)
        return None
    return None if line is None else from_line(str(line))


def load() -> list[Sample] | None:
    """Return the samples kept, in order of time; None while Redis is away."""
    try:
        lines = client().lrange(_KEY, 0, -1)
    except RedisError as error:
        logger.debug("no samples of the machine: %s", error)
        return None
    samples = [sample for line in lines if (sample := from_line(str(line))) is not None]
    return sorted(samples, key=lambda sample: sample.at)
