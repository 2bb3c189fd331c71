"""Fill in BaluPi's settings: find out what can be found out, ask a person for the rest.

install.sh runs it with the system's Python, before anything is installed: standard library only.
An answer comes from, in this order: the environment (``BALUPI_NAS_IP=...``, ``BALUPI_..._FILE``), the
settings as they are, what this machine can find out, a person. Without a person (``--yes`` or no
terminal) what was found is taken, and what is needed and cannot be found is told, all at once.
"""

from __future__ import annotations

import argparse
import getpass
import importlib.util
import os
import re
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent


def _by_path(name: str, path: Path) -> ModuleType:
    """Import one file without its package, which would import Celery."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        sys.exit(f"{path} is missing; is this a whole copy of BaluPi?")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


parse = _by_path("balupi_parse", HERE.parent.parent / "balupi_site" / "lib" / "parse.py")
find = _by_path("balupi_find", HERE / "find.py")
settings_file = _by_path("balupi_settings_file", HERE / "settings_file.py")
PREFIX = settings_file.PREFIX

Answers = dict[str, str]
Parser = Callable[[str], object]


@dataclass(frozen=True)
class Question:
    """One setting: how to find it out, how to ask for it, and what it may be.

    Attributes:
        guess: what this machine finds out from the answers so far; "" for nothing.
        is_asked: a person is asked, with the guess as the default; else the guess is taken.
        is_needed: without it BaluPi does not start.
        only_with: nobody is asked while this other setting is empty.
        help: what a person needs to know to answer.
    """

    name: str
    text: str
    parse: Parser = str
    guess: Callable[[Answers], str] = lambda _answers: ""
    is_asked: bool = True
    is_needed: bool = False
    is_secret: bool = False
    only_with: str = ""
    help: str = ""


def _fixed(name: str, value: str) -> Question:
    return Question(name, "", guess=lambda _answers: value, is_asked=False)


def _of_nas(name: str) -> Callable[[Answers], str]:
    """Return a guess that find.py makes from the NAS's address."""
    return lambda answers: getattr(find, name)(answers["NAS_IP"]) if answers["NAS_IP"] else ""


def parse_place(value: str) -> str:
    """Return where the data lie; the services may write nowhere else (deploy/systemd)."""
    if not re.fullmatch(r"/var/lib/balupi|/srv/balupi/\w[\w.-]*", value):
        raise ValueError("must be /var/lib/balupi or a folder in /srv/balupi")
    return value


def _secret(_answers: Answers) -> str:
    return secrets.token_urlsafe(50)


QUESTIONS = (
    _fixed("MODE", "prod"),
    Question("SECRET_KEY", "", guess=_secret, is_asked=False),
    Question("HANDSHAKE_SECRET", "", guess=_secret, is_asked=False),
    Question("DATA_DIR", "", parse_place, lambda _: "/var/lib/balupi", is_asked=False),
    _fixed("STATIC_DIR", "/opt/balupi/current/static"),
    _fixed("REDIS_URL", "unix:///run/balupi-redis/redis.sock"),
    Question("TIME_ZONE", "", parse.parse_zone, lambda _: find.time_zone(), is_asked=False),
    Question(
        "NAS_IP",
        "The NAS's IPv4 address",
        parse.parse_ip,
        lambda _: find.nas_ip(),
        is_needed=True,
        help="Your router's page lists it; have the router always give it the same one.",
    ),
    Question(
        "NAS_MAC_ADDRESS",
        "The NAS's MAC address",
        parse.parse_mac,
        _of_nas("mac_address"),
        is_needed=True,
        help="It wakes the NAS. Your router's page lists it; found by itself while the NAS is awake.",
    ),
    Question(
        "NAS_URL",
        "Where BaluHost answers",
        parse.parse_url,
        _of_nas("nas_url"),
        is_needed=True,
        help="By its address, never by a name that leads to the Pi at times.",
    ),
    Question(
        "PI_IP",
        "This Pi's IPv4 address",
        parse.parse_ip,
        _of_nas("own_ip"),
        is_needed=True,
        help="Have the router always give it the same one.",
    ),
    Question(
        "DNS_NAMES",
        "The NAS's names, which lead to the Pi while it sleeps (commas between them)",
        parse.parse_names,
        lambda _: find.dns_names(),
        help="One in Pi-hole's own domain is a good idea: many devices never ask a Pi-hole for .local.",
    ),
    Question(
        "PIHOLE_URL",
        "Where Pi-hole's own page answers",
        parse.parse_url,
        lambda _: find.pihole_url(),
        is_needed=True,
    ),
    Question(
        "PIHOLE_PASSWORD",
        "Pi-hole's password (or an app password; see docs/pihole.md)",
        is_secret=True,
        help="Empty: not yet; the names are not switched until it is there.",
    ),
    Question(
        "TAPO_USERNAME",
        "The e-mail address of your Tapo account (capitals matter)",
        help="Empty: no smart plugs yet.",
    ),
    Question(
        "TAPO_PASSWORD",
        "The password of your Tapo account",
        is_secret=True,
        only_with="TAPO_USERNAME",
    ),
)


def main() -> int:
    """Write the settings file where something is to be added; return 0, or 1 where something is missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--file", type=Path, default=Path("/etc/balupi/balupi.env"))
    parser.add_argument("--example", type=Path, default=HERE.parent / "balupi.env.example")
    parser.add_argument("--yes", action="store_true", help="take what was found, ask nobody")
    parser.add_argument("--get", metavar="NAME", help="only print one setting; nothing where unset")
    parser.add_argument(
        "--default", action="append", default=[], metavar="NAME=VALUE", help="where it is unset"
    )
    options = parser.parse_args()
    if options.get:
        print(settings_file.read(options.file.read_text(encoding="utf-8")).get(options.get, ""))
        return 0
    text = (options.file if options.file.exists() else options.example).read_text(encoding="utf-8")
    known = settings_file.read(text) if options.file.exists() else {}
    defaults = dict(each.split("=", 1) for each in options.default)
    is_asking = not options.yes and sys.stdin.isatty()
    given = {
        name: os.environ[PREFIX + name]
        for name in settings_file.setting_names(options.example.read_text(encoding="utf-8"))
        if PREFIX + name in os.environ
    }
    answers, missing = collect({**defaults, **known}, given, ask if is_asking else None)
    if missing:
        sys.stderr.write(
            "These are needed and could not be found out; set them in the environment or start the "
            "installer in a terminal:\n" + "".join(f"  {line}\n" for line in missing)
        )
        return 1
    fresh = settings_file.filled(
        text, {name: answers[name] for name in answers if answers[name] != known.get(name)}
    )
    if not options.file.exists() or fresh != text:
        settings_file.write(options.file, fresh)
        print(f"settings  {options.file}")
    return 0


def collect(
    known: Mapping[str, str],
    given: Mapping[str, str],
    ask_person: Callable[[Question, str, str], str] | None,
) -> tuple[Answers, list[str]]:
    """Return the answers, and a line for each that is needed and missing or wrong; names without prefix.

    Args:
        known: the settings as they are.
        given: from the environment; they win, asked for or not.
        ask_person: gets the question, the default and what was wrong with the last answer; None: nobody.
    """
    answers: Answers = {**known, **given}
    missing = []
    for question in QUESTIONS:
        is_idle = question.only_with and not answers[question.only_with]
        asks = question.is_asked and not is_idle
        wrong = _answer(question, answers, ask_person if asks else None)
        if wrong:
            missing.append(f"{PREFIX}{question.name}: {wrong}")
    return answers, missing


def _answer(
    question: Question, answers: Answers, ask_person: Callable[[Question, str, str], str] | None
) -> str:
    """Settle one question in ``answers``; return what is wrong with it still, "" for nothing."""
    name = question.name
    if answers.get(f"{name}_FILE"):
        return ""
    wrong = _flaw(question, answers.get(name, ""))
    # A person may know by now what was left empty.
    is_settled = answers.get(name) or ask_person is None
    if name in answers and not wrong and is_settled:
        return ""
    guess = question.guess(answers)
    if ask_person is None:
        answers[name] = answers.get(name) or str(guess)
        return _flaw(question, answers[name])
    said = wrong if name in answers else ""
    while True:
        answers[name] = ask_person(question, guess, said) or guess
        said = _flaw(question, answers[name])
        if not said:
            return ""


def _flaw(question: Question, value: str) -> str:
    """Return what is wrong with a value, "" for nothing."""
    if not value and question.is_needed:
        return f"is needed ({question.text})"
    if "\n" in value:
        return "must be one line"
    try:
        if value:
            question.parse(value)
    except ValueError as error:
        return str(error)
    return ""


def ask(question: Question, default: str, wrong: str) -> str:
    """Ask a person in the terminal; a secret is not shown."""
    print(f"  That {wrong}." if wrong else f"\n  {question.help}".rstrip())
    prompt = f"{question.text}{f' [{default}]' if default else ''}: "
    return (getpass.getpass(prompt) if question.is_secret else input(prompt)).strip()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (KeyboardInterrupt, EOFError):
        sys.exit("\nNo settings were written.")
