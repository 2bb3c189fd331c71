"""The NAS's names in Pi-hole: wanted against actual address."""
