"""nginx's site for this installation: deploy/nginx.conf with its words filled in."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

_WORD = re.compile(r"@([A-Z0-9_]+)@")
#: What may stand in a configuration without quotes; a name with more is none that anybody asks for.
_NAME = re.compile(r"[\w.:\[\]-]+")

#: Not there on a Pi without IPv6, where nginx would not start with such an address.
_IPV6 = Path("/proc/net/if_inet6")


def nginx_site(template: str, *, listen: str = "80") -> str:
    """Return the site's configuration.

    Args:
        template: the text of deploy/nginx.conf.
        listen: the port for people.

    Raises:
        KeyError: the template has a word that is unknown here.
    """
    own = [name for name in settings.ALLOWED_HOSTS if name not in settings.DNS_NAMES]
    words = {
        "LISTEN": listen,
        "LISTEN_6": f"[::]:{listen}",
        "IPV6": "" if _IPV6.exists() else "# ",
        "WEB_SERVERS": "\n    ".join(f"server {web} max_fails=0;" for web in _webs()),
        "PI_NAMES": _names(own),
        "NAS_NAMES": _names(settings.DNS_NAMES),
        "STATIC_PARENT": str(settings.STATIC_ROOT.parent),
        "FRONTEND": str(settings.FRONTEND_DIR),
    }
    # The head of the template explains the words; it is not for the site.
    body = re.sub(
        r"\A(#.*\n)*", "# BaluPi's site for nginx, made by 'balupi nginx_config'.\n", template
    )
    return _WORD.sub(lambda match: words[match[1]], body)


def _webs() -> list[str]:
    return [settings.LISTEN[0], *(f"127.0.0.1:{port}" for port in settings.MORE_WEB_PORTS)]


def _names(names: list[str] | tuple[str, ...]) -> str:
    # nginx does not start with none; this one leads nowhere.
    return " ".join(name for name in names if _NAME.fullmatch(name)) or "none.invalid"
