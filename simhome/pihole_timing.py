"""How long the simulated Pi-hole takes for what a client can see."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Durations in seconds; the defaults are the medians of the Pi-hole notes.

    Attributes:
        password_check_seconds: one password hash (notes, section 1: a login takes about 47 ms,
            with an app password two checks and about 95 ms).
        rate_limit_seconds: the built-in delay of a refused login (notes, section 1: 250 ms).
        config_write_seconds: one effective write of the configuration (notes, section 2: 7 to
            42 ms, median about 20 ms).
        dns_lag_seconds: from the HTTP answer until the resolver answers the new records (notes,
            section 2: up to 7 ms after a PATCH).
        restart_delay_seconds: from the order to restart until the API goes away, and
        restart_seconds: how long it is away then (measurement auth_session_across_restart).
        crash_seconds: how long the host's service manager leaves a dead daemon alone; a usual
            value, not measured.
    """

    password_check_seconds: float = 0.045
    rate_limit_seconds: float = 0.25
    config_write_seconds: float = 0.02
    dns_lag_seconds: float = 0.005
    restart_delay_seconds: float = 0.2
    restart_seconds: float = 0.35
    crash_seconds: float = 5.0
