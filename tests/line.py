"""A line between two houses that can be cut: ``line.py FROM TO FROM TO``, Unix sockets all of them.

What connects to FROM is handed on to TO; to end the process is to cut the line.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from functools import partial


async def _hand_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError), contextlib.closing(target):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()


async def _connect(place: str, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
    far, there = await asyncio.open_unix_connection(place)
    await asyncio.gather(_hand_on(near, there), _hand_on(far, back))


async def main() -> None:
    """Serve until the process ends."""
    for start, end in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        await asyncio.start_unix_server(partial(_connect, end), start)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
