"""Secrets in no log and on no error page."""

from __future__ import annotations

import base64
import html
import io
import logging
import sys
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from django.conf import settings as live_settings
from django.test import RequestFactory
from django.views.debug import get_exception_reporter_class

from balupi_site.lib.redact import HIDDEN, RedactingFormatter, Redactor

#: All that is special to URLs, JSON, HTML, Python, regular expressions and people.
SECRET = "p&ss <wörd>\"'\\+/=%(x)s[a-z]*"
#: In pieces, as an error page shows this file's lines, too.
WORD = "hunter" + "2" * 9
COOKIE, QUERY = "s3ss" + "10n0" * 3, "t0k3" * 3
TOKEN = "balupi_" + "aB3-_" * 8 + "xyz"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMiIsInR5cGUiOiJhY2Nlc3MifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(SECRET, id="plain"),
        pytest.param(quote(SECRET, safe=""), id="in a path"),
        pytest.param(quote_plus(SECRET), id="in a query"),
        pytest.param(repr({"x": SECRET}), id="in a dict"),
        pytest.param(html.escape(SECRET), id="in HTML"),
        pytest.param(base64.b64encode(SECRET.encode()).decode(), id="in base64"),
        pytest.param(base64.urlsafe_b64encode(SECRET.encode()).decode(), id="in base64 for URLs"),
    ],
)
def test_a_known_secret_is_hidden_in_every_form(form: str) -> None:
    shown = Redactor([SECRET])(f"before {form} after")
    assert form.strip("{}x': ") not in shown
    assert HIDDEN in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("Authorization: Bearer abcdefgh12345", "abcdefgh12345"),
        ("{'HTTP_AUTHORIZATION': 'Basic a2ltOnNlY3JldA=='}", "a2ltOnNlY3JldA"),
        ("sent Basic a2ltOnNlY3JldA== to it", "a2ltOnNlY3JldA"),
        ("Cookie: balupi_session=0123456789abcdef; other=1", "0123456789abcdef"),
        ("GET /?balupi_session=0123456789abcdef&x=1", "0123456789abcdef"),
        ("set-cookie: sid=s3ss10n", "s3ss10n"),
        ("X-Balupi-Signature: 00ff00ff00ff", "00ff00ff00ff"),
        ("headers {'X-FTL-SID': 'vFA+EP4M'}", "vFA+EP4M"),
        (f"token {TOKEN} used", TOKEN),
        (f"token {JWT} used", JWT),
        ('{"username": "kim", "password": "x y z"}', "x y z"),
        ("{'password': 'x y z'}", "x y z"),
        ("username=kim&password=xyz12&next=/", "xyz12"),
        ('{"pending_token":"abc.def","code":"123456"}', "123456"),
        ("('Cookie', 'balupi_session=0123')", "0123"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(line: str, secret: str) -> None:
    shown = Redactor([])(line)
    assert secret not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize(
    "line",
    [
        "NAS: booting, wake asked for by kim (api)",
        "a call from 192.168.178.53 is refused: The signature is wrong",
        "GET /api/energy/history?period=day 200",
        "plug Monitor: login refused (password changed?)",
        "error code: 7, balupi_site.lib.throttle, basic needs",
    ],
)
def test_a_usual_line_stays_as_it_is(line: str) -> None:
    assert Redactor([SECRET])(line) == line


def test_a_secret_of_a_letter_is_not_told_by_hiding_it_everywhere() -> None:
    assert Redactor(["a", ""])("a line") == "a line"


def test_message_arguments_and_traceback_are_cleaned() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(RedactingFormatter("%(levelname)s %(message)s", secrets=[SECRET]))
    logger = logging.getLogger("balupi of this test")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        int(f"could not log in with {SECRET}")
    except ValueError:
        logger.exception("%s failed with %r", SECRET, {"key": SECRET}, stack_info=True)
    text = out.getvalue()
    assert "Traceback" in text
    assert "ValueError" in text
    for form in (SECRET, repr(SECRET)[1:-1], "wörd"):
        assert form not in text


def test_the_log_of_the_product_is_cleaned() -> None:
    config: Any = live_settings.LOGGING
    assert config["handlers"]["console"]["formatter"] == "line"
    assert config["root"]["handlers"] == ["console"]
    assert live_settings.SECRET_KEY in config["formatters"]["line"]["secrets"]
    # Django's own handler would write beside ours, as it is.
    assert logging.getLogger("django").handlers == []


@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_the_page_of_a_developer_shows_no_secrets(settings: Any, accept: str) -> None:
    settings.DEBUG = True
    settings.TAPO_PASSWORD = settings.HANDSHAKE_SECRET = SECRET
    settings.KNOWN_SECRETS = (settings.SECRET_KEY, SECRET)
    request = RequestFactory().post(
        f"/dashboard/login?token={QUERY}",
        {"username": "kim", "password": WORD},
        headers={"authorization": f"Bearer {TOKEN}", "cookie": f"balupi_session={COOKIE}"},
    )
    try:
        _fail(request, SECRET, WORD)
    except RuntimeError:
        made: Any = get_exception_reporter_class(request)
        reporter = made(request, *sys.exc_info())
    shown = (
        reporter.get_traceback_html() if accept == "text/html" else reporter.get_traceback_text()
    )
    assert "RuntimeError" in shown
    for secret in (
        SECRET, html.escape(SECRET), settings.SECRET_KEY, WORD, TOKEN, COOKIE,
        QUERY,
    ):  # fmt: skip
        assert secret not in shown


def _fail(request: Any, unnamed: str, password: str) -> None:
    raise RuntimeError(f"it was {unnamed}")
