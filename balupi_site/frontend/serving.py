"""The page that the NAS built (``manage.py install_frontend``): its files, from one folder and no other.

It is served under the Pi's own names only. Under the NAS's names it would find the NAS's login in the
browser's storage, which we cannot check while the NAS sleeps, and would throw it away: there is the wake
page. Every path that nobody else has comes here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.utils._os import safe_join
from django.utils.translation import gettext as _
from django.views.decorators.http import condition, require_safe
from whitenoise.media_types import MediaTypes

from balupi_site.lib.answers import json_refusal
from balupi_site.lib.hosts import wants_page

INDEX = "index.html"
#: What a Vite build needs (CONTRACT.md): React writes style attributes, pictures come as data.
POLICY = {
    "default-src": [SELF],
    "script-src": [SELF],
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:", "blob:"],
    "font-src": [SELF, "data:"],
    "connect-src": [SELF],
    "object-src": [NONE],
    "base-uri": [SELF],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
}
#: Vite writes a hash of the content into these names, so they never change.
_HASHED = re.compile(r"assets/.+-[\w-]{8,}\.\w+")
#: A name with any of these is none that a build makes.
_ODD = re.compile(r"[\\\x00-\x1f\x7f]")
_TYPES = MediaTypes()
#: Pages of ours whose last slash people leave out.
_TYPED = frozenset({"dashboard", "admin"})


def is_installed() -> bool:
    """Tell whether there is such a page."""
    return find(INDEX) is not None


def find(name: str) -> Path | None:
    """Return the file of the page, or None: not there, a folder, hidden, or outside by any trick.

    Args:
        name: the path after the host, decoded, without its first slash.
    """
    parts = name.split("/")
    if _ODD.search(name) or any(not part or part.startswith(".") for part in parts):
        return None
    try:
        root = settings.FRONTEND_DIR.resolve()
        # The folder itself may be a link, what is in it may not lead out.
        file = Path(safe_join(root, name)).resolve()
        return file if file.is_relative_to(root) and file.is_file() else None
    # The last two: a name that is too long, links in a circle.
    except (SuspiciousFileOperation, OSError, ValueError, RuntimeError):
        return None


@require_safe
def page(request: HttpRequest) -> HttpResponseBase:
    """Answer the page itself; its script looks at the path."""
    return _send(request, INDEX)


@require_safe
def elsewhere(request: HttpRequest, **_found: str) -> HttpResponseBase:
    """Answer a path that is nobody else's: ours without its slash, a file of the page, the page, or 404."""
    name = request.path_info.removeprefix("/")
    if name in _TYPED:
        return HttpResponseRedirect(request.get_full_path(force_append_slash=True))
    if find(name):
        return _send(request, name)
    if wants_page(request):
        if is_installed():
            return page(request)
        raise Http404
    return json_refusal(_("There is no such file here."), 404)


def _etag(_request: HttpRequest, name: str) -> str:
    found = _found(name).stat()
    return f'"{found.st_mtime_ns:x}-{found.st_size:x}"'


def _send(request: HttpRequest, name: str) -> HttpResponseBase:
    serve: Callable[[HttpRequest], HttpResponseBase] = partial(_file, name=name)
    return csp_replace(POLICY)(serve)(request)


@condition(etag_func=_etag)
def _file(_request: HttpRequest, *, name: str) -> HttpResponseBase:
    kind = _TYPES.get_type(name)
    if kind.startswith("text/") or kind in {"application/json", "application/javascript"}:
        kind = f"{kind}; charset=utf-8"
    response = FileResponse(_found(name).open("rb"), content_type=kind)
    del response["Content-Disposition"]
    is_hashed = _HASHED.fullmatch(name)
    response["Cache-Control"] = (
        "public, max-age=31536000, immutable" if is_hashed else "no-cache, private"
    )
    return response


def _found(name: str) -> Path:
    file = find(name)
    if file is None:
        raise Http404
    return file
