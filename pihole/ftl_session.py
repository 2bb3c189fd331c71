"""Being logged in to Pi-hole: one session for all our processes, and what a refusal means.

All facts are from the Pi-hole notes, section 1, and its recordings.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, Self

from django.utils.translation import gettext_noop

from balupi_site.lib.kept import kept
from pihole.ftl_http import Answer, FtlHttp
from pihole.problems import PiholeProblem, ProblemCode, problem
from pihole.session_file import SessionFile, SharedSession

#: A refused login proves nothing until it was refused again in another second.
CONFIRM_AFTER_S = 1.1


class FtlSession:
    """One visit to Pi-hole; a context manager. Use it under the lock of all our processes.

    It takes the shared session, or logs in and shares the new one. With ``share=False`` (a command
    that ends at once) a session that it made itself is logged out at the end, and one that it
    found is left to those who go on using it. A session that could not be stored is logged out
    too: otherwise each visit would take one more of the 16 seats.
    """

    def __init__(
        self,
        http: FtlHttp,
        *,
        password: str,
        now: datetime,
        share: bool = True,
        ask_again: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take what a visit needs; nothing is sent yet.

        Args:
            http: how to call this Pi-hole.
            password: the main or an app password; "" where Pi-hole has none.
            now: the present time.
            share: keep a new session for our other processes.
            ask_again: log in although the password was refused a moment ago (a person asks).
            sleep: waits for a number of seconds.
        """
        self._http, self._password, self._now, self._sleep = http, password, now, sleep
        self._share, self._ask_again = share, ask_again
        self._file = SessionFile(url=http.url, password=password)
        self._sid: str | None = None
        self._leave_nothing = False
        self._asks_second_factor = False
        #: False after ``open`` where everybody may change everything without a login.
        self.has_password = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        try:
            if self._leave_nothing:
                self.logout()
        finally:
            self._http.close()

    def open(self) -> None:
        """Make sure that a Pi-hole 6 answers and knows us, before anything else is asked.

        Raises:
            PiholeProblem: any but those about writing.
        """
        self._sid = self._file.load().sid
        session = self._session_of(self._http.call("GET", "/api/auth", sid=self._sid))
        self._asks_second_factor = session.get("totp") is True
        if session.get("valid") is not True:
            self._login()
        elif session.get("sid") is None:  # valid without a session: no password set
            self._sid, self.has_password = None, False

    def call(self, method: str, path: str, body: object = None) -> Answer:
        """Call as the one who is logged in; a session that ended meanwhile is renewed once."""
        answer = self._http.call(method, path, body=body, sid=self._sid)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self._login()
            answer = self._http.call(method, path, body=body, sid=self._sid)
            if answer.status == HTTPStatus.UNAUTHORIZED:
                raise self.garbage("it refuses the session that it has just given")
        return answer

    def logout(self) -> None:
        """Give the session back, if there is one; what goes wrong then is nobody's concern."""
        sid = self._sid or self._file.load().sid
        if sid is None:
            return
        try:
            status = self._http.call("DELETE", "/api/auth", sid=sid).status
        except PiholeProblem:
            return  # not reached: it stays in the file, for our next start
        if status in (HTTPStatus.NO_CONTENT, HTTPStatus.UNAUTHORIZED):  # or not known any more
            self._sid = None
            self._file.forget()

    def garbage(self, what: str) -> PiholeProblem:
        """Return the error for an answer that nobody understands; ``what`` describes it."""
        return problem(ProblemCode.GARBAGE, url=self._http.url, what=what)

    def _login(self) -> None:
        """Log in; a refusal counts only when it is repeated in another second."""
        self._sid, self.has_password = None, True
        if not self._password:
            reason = gettext_noop("it is empty, and Pi-hole asks for a password")
            raise problem(ProblemCode.BAD_CONFIG, variable="BALUPI_PIHOLE_PASSWORD", reason=reason)
        if self._file.is_refused(self._now) and not self._ask_again:
            raise problem(ProblemCode.WRONG_PASSWORD)
        first = self._try_login()
        if first is None:
            return
        if self._http.left_s <= CONFIRM_AFTER_S:
            raise problem(ProblemCode.RATE_LIMITED)
        self._sleep(CONFIRM_AFTER_S)
        second = self._try_login()
        if second is None:
            return
        if ProblemCode.RATE_LIMITED in (first, second):
            raise problem(ProblemCode.RATE_LIMITED)
        self._file.save_refusal(self._now)
        raise problem(ProblemCode.WRONG_PASSWORD)

    def _try_login(self) -> ProblemCode | None:
        """Log in once and keep the session; return why not, if another try makes sense.

        Sent without the old session: with one, a wrong password answers 200.
        """
        answer = self._http.call("POST", "/api/auth", body={"password": self._password})
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:  # two meanings, told apart by the key
            if answer.error("key") == "api_seats_exceeded":
                raise problem(ProblemCode.SEATS_FULL)
            return ProblemCode.RATE_LIMITED
        if answer.status == HTTPStatus.BAD_REQUEST and self._asks_second_factor:
            raise problem(ProblemCode.TOTP_NEEDED)  # auth_totp_enabled, step 1
        session = self._session_of(answer)
        if session.get("valid") is not True:
            return ProblemCode.WRONG_PASSWORD
        self._keep(session.get("sid"))
        return None

    def _keep(self, sid: object) -> None:
        """Use a new session and share it; None where a login is not needed at all."""
        if sid is None:
            self.has_password = False
            return
        if not isinstance(sid, str) or not sid.isascii() or not sid.isprintable():
            raise self.garbage(gettext_noop("a session that cannot be used"))
        self._sid = sid
        shared = self._share and self._file.save(SharedSession(sid=sid))
        self._leave_nothing = not shared

    def _session_of(self, answer: Answer) -> dict[str, Any]:
        """Return the session object of an answer of /api/auth, or say what answers there."""
        session = (answer.body or {}).get("session")
        if isinstance(session, dict) and answer.status in (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED):
            return session
        if answer.from_balupi:
            raise self._bad_url(
                gettext_noop("BaluPi itself answers there, not Pi-hole (which may be on 8080)")
            )
        if "/admin/api" in answer.error("hint"):  # failure_shapes, step 5
            raise self._bad_url(gettext_noop("it must end before /admin"))
        if answer.redirects_to:
            raise self._bad_url(
                kept(gettext_noop("it redirects to %(place)s"), place=answer.redirects_to)
            )
        if answer.status == HTTPStatus.NOT_FOUND:  # every Pi-hole 6 has this path
            raise problem(ProblemCode.NOT_V6, url=self._http.url)
        what = (
            gettext_noop("a web page")
            if answer.is_html
            else kept(gettext_noop("HTTP %(status)s to a login"), status=answer.status)
        )
        raise self.garbage(what)

    def _bad_url(self, reason: str) -> PiholeProblem:
        variable = f"BALUPI_PIHOLE_URL ({self._http.url})"
        return problem(ProblemCode.BAD_CONFIG, variable=variable, reason=reason)
