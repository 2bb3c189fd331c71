"""Whether the simulated Pi-hole blocks, and for how long it does not."""

from simhome.clock import Clock
from simhome.pihole_http import ApiError, ApiRequest, Body, Reply
from simhome.pihole_sessions import Session


class Blocking:
    """The blocking switch with its timer (dns_blocking_switch)."""

    def __init__(self, clock: Clock) -> None:
        """Start blocking, without a timer."""
        self._clock = clock
        self._is_on = True
        self._flips_at: float | None = None

    @property
    def is_on(self) -> bool:
        """Whether names are blocked now; a timer that has run out has flipped the switch."""
        if self._flips_at is not None and self._clock.monotonic() >= self._flips_at:
            self._is_on, self._flips_at = not self._is_on, None
        return self._is_on

    @property
    def word(self) -> str:
        """How FTL names the state."""
        return "enabled" if self.is_on else "disabled"

    def switch(self, *, on: bool, timer_seconds: float | None) -> None:
        """Switch; with a timer it switches back by itself after ``timer_seconds``."""
        self._is_on = on
        self._flips_at = None
        if timer_seconds is not None:
            self._flips_at = self._clock.monotonic() + timer_seconds

    async def show(self, _: ApiRequest, __: Session | None) -> Reply:
        """GET /api/dns/blocking."""
        return Reply(body=self._body())

    async def change(self, request: ApiRequest, _: Session | None) -> Reply:
        """POST /api/dns/blocking (failure_shapes, steps 11-14)."""
        payload = request.json()
        wanted = payload.get("blocking") if isinstance(payload, dict) else None
        if not isinstance(payload, dict) or not isinstance(wanted, bool):
            raise ApiError(400, "body_error", 'No "blocking" boolean in body data')
        timer = payload.get("timer")
        self.switch(on=wanted, timer_seconds=timer if isinstance(timer, int | float) else None)
        return Reply(body=self._body())

    def _body(self) -> Body:
        word = self.word
        timer = None if self._flips_at is None else self._flips_at - self._clock.monotonic()
        return {"blocking": word, "timer": timer}
