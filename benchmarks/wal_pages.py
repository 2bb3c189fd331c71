"""Which tables and indexes an SQLite database in WAL mode writes, read from outside its processes."""

from __future__ import annotations

import contextlib
import sqlite3
import struct
import threading
from collections import Counter
from pathlib import Path
from typing import NamedTuple

_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24
#: A page in the log; with the pages of 4 kB that we have.
WAL_BYTES_PER_PAGE = 4096 + _FRAME_HEADER_BYTES
_UNKNOWN = "free pages"


class Written(NamedTuple):
    """What went to a database's log; the pages are by the name of their table or index."""

    commits: int
    pages: Counter[str]


class WalPages(threading.Thread):
    """Counts the pages that are written to the log of a database, by table and index.

    Looks at the log twice a second; a log that begins anew twice between two looks would hide
    pages, which takes 1,000 of them each time.
    """

    def __init__(self, database: Path) -> None:
        super().__init__(daemon=True, name="wal-pages")
        self._database = database
        self._wal = database.with_name(database.name + "-wal")
        self._pages: Counter[int] = Counter()
        self._commits = 0
        self._salts, self._seen = b"", 0
        self._ends = threading.Event()
        self._lock = threading.Lock()
        self._look()
        self._pages.clear()
        self._commits = 0

    def run(self) -> None:
        """Count until ``figures`` is called."""
        while not self._ends.wait(0.5):
            self._look()

    def figures(self) -> Written:
        """Look no more, and return what was written."""
        self._ends.set()
        self.join()
        self._look()
        names = self._names()
        by_name: Counter[str] = Counter()
        with self._lock:
            for page, count in self._pages.items():
                by_name[names.get(page, _UNKNOWN)] += count
            return Written(self._commits, by_name)

    def _look(self) -> None:
        """Count the frames that came since the last look (format: sqlite.org/fileformat2.html)."""
        with self._lock, contextlib.suppress(FileNotFoundError), self._wal.open("rb") as log:
            header = log.read(_HEADER_BYTES)
            if len(header) < _HEADER_BYTES:
                return
            (page_bytes,) = struct.unpack(">I", header[8:12])
            salts = header[16:24]
            if salts != self._salts:  # the log began anew from its start
                self._salts, self._seen = salts, 0
            frame_bytes = _FRAME_HEADER_BYTES + page_bytes
            while True:
                log.seek(_HEADER_BYTES + self._seen * frame_bytes)
                frame = log.read(_FRAME_HEADER_BYTES)
                if len(frame) < _FRAME_HEADER_BYTES or frame[8:16] != salts:
                    return
                page, size_after_commit = struct.unpack(">II", frame[:8])
                self._pages[page] += 1
                self._commits += size_after_commit > 0
                self._seen += 1

    def _names(self) -> dict[int, str]:
        with contextlib.closing(sqlite3.connect(self._database, timeout=10)) as connection:
            return dict(connection.execute("SELECT pageno, name FROM dbstat"))
