"""The API of the System Monitor."""
