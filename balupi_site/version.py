"""The version of this release and the day it was made."""

from datetime import UTC, datetime

VERSION = "0.1.0"

#: A release cannot know the commit that holds it, and there is no git on the Pi to ask.
COMMIT = "unknown"

#: A clock before this moment is wrong: the code did not exist then (the Pi has no clock of its own).
BUILD_DATE = datetime(2026, 11, 23, tzinfo=UTC)
