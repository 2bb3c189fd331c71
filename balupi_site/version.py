"""The version of this release and the day it was made."""

from datetime import UTC, datetime

VERSION = "0.1.0"

#: A clock before this moment is wrong: the code did not exist then (the Pi has no clock of its own).
BUILD_DATE = datetime(2026, 11, 23, tzinfo=UTC)
