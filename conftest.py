"""Fixtures for every test of the tree."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# Usually the same examples each time, so that a test that fails is about the change.
_ALWAYS: dict[str, Any] = {
    "deadline": None,
    "database": None,
    # A shared fixture is meant, and a machine may be busy.
    "suppress_health_check": [
        hypothesis.HealthCheck.function_scoped_fixture,
        hypothesis.HealthCheck.too_slow,
    ],
}
hypothesis.settings.register_profile("usual", **_ALWAYS, max_examples=100, derandomize=True)
hypothesis.settings.register_profile("thorough", **_ALWAYS, max_examples=2000)
hypothesis.settings.load_profile("usual")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the simulated week take its time, and what is made from answers be made anew."""
    parser.addoption("--whole-week", action="store_true", help="seven simulated days, not one")
    parser.addoption(
        "--write-docs", action="store_true", help="write docs/access.md and openapi.json anew"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run with another database only what has to do with one; the rest ran on SQLite already."""
    from django.conf import settings

    if settings.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
        return
    left_out = [item for item in items if not _may_differ(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _may_differ(item)]


def _may_differ(item: pytest.Item) -> bool:
    """Tell whether a test uses a database, and is about what not every database does alike."""
    uses_one = item.get_closest_marker("django_db") is not None or bool(
        {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
    )
    return uses_one and item.get_closest_marker("sqlite_is_enough") is None


@pytest.fixture(scope="session")
def _redis_socket() -> Iterator[Path]:
    """Run a real Redis on a unix socket for this test process."""
    with tempfile.TemporaryDirectory(prefix="balupi-redis-") as folder:
        socket_path = Path(folder) / "redis.sock"
        options = ["--port", "0", "--unixsocket", str(socket_path), "--save", "", "--dir", folder]
        command = ["redis-server", *options]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:  # noqa: S603
            give_up_s = time.monotonic() + 10
            while process.poll() is None and time.monotonic() < give_up_s:
                if socket_path.exists():
                    break
                time.sleep(0.01)
            assert socket_path.exists(), "redis-server did not start; is it installed?"
            yield socket_path
            process.terminate()


@pytest.fixture
def redis_server(_redis_socket: Path, settings: Any) -> Iterator[Any]:
    """Point the product at an empty real Redis; gives the client."""
    from balupi_site.lib.redis import client

    settings.REDIS_URL = f"unix://{_redis_socket}"
    client.cache_clear()
    client().flushall()
    yield client()
    client.cache_clear()


@pytest.fixture
def no_redis(settings: Any, tmp_path: Path) -> Iterator[None]:
    """Point the product at a Redis that is not there."""
    from balupi_site.lib.redis import client

    settings.REDIS_URL = f"unix://{tmp_path}/nothing.sock"
    client.cache_clear()
    yield
    client.cache_clear()


@pytest.fixture(autouse=True)
def _no_remembered_answers() -> None:
    """Forget the logins that were refused in other tests."""
    if attempts := sys.modules.get("balupi_site.accounts.attempts"):
        attempts.forget_answers()


@pytest.fixture(autouse=True)
def _no_kept_drawings() -> None:
    """Forget the parts of the page that were drawn in other tests."""
    if parts := sys.modules.get("balupi_site.page.parts"):
        parts.forget()


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """Speak English again after a test whose visitor read something else."""
    yield
    if translation := sys.modules.get("django.utils.translation"):
        translation.deactivate()


@pytest.fixture(scope="session", autouse=True)
def _without_what_is_installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let all tests do with static files without a collected copy, and with no Redis."""
    from django.conf import settings
    from django.test import override_settings

    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(
        REDIS_URL=f"unix://{tmp_path_factory.mktemp('redis')}/nothing.sock",
        MIDDLEWARE=[name for name in settings.MIDDLEWARE if "whitenoise" not in name],
        STORAGES={**settings.STORAGES, "staticfiles": static},
    ):
        yield


@pytest.fixture(autouse=True)
def _data_dir(settings: Any, tmp_path: Path) -> None:
    """Give each test a data directory of its own."""
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()


@pytest.fixture(autouse=True)
def _forgotten_attempts(request: pytest.FixtureRequest) -> None:
    """Empty the table of counted attempts where a test's end rolls nothing back; it is no model's."""
    marker = request.node.get_closest_marker("django_db")
    if marker is not None and marker.kwargs.get("transaction"):
        from django.core.cache import caches

        request.getfixturevalue("transactional_db")
        caches["throttle"].clear()
