"""The NAS: its state, the probes that find it out, and waking it."""
