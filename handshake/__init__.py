"""The NAS's signed calls, its snapshot, and the inbox whose files go to it."""
