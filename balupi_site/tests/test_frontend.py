"""The page that the NAS built: its files and no others, under the Pi's names and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from balupi_site.frontend import serving

PAGE = "<!doctype html><title>built by the NAS</title>"
HTML = {"accept": "text/html,*/*;q=0.8"}
SECRET = "canary"


@pytest.fixture
def page(settings: Any, tmp_path: Path) -> Path:
    """Return the folder of a page, with secrets all around it."""
    folder = tmp_path / "outer" / "page"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "assets" / "index-DwkQ2a_9.js").write_text("1")
    (folder / "vite.svg").write_text("<svg/>")
    for place in (folder, folder / "assets", folder.parent, tmp_path):
        (place / ".env").write_text(SECRET)
    (folder.parent / "secret.txt").write_text(SECRET)
    (folder / "file-link.txt").symlink_to(folder.parent / "secret.txt")
    (folder / "folder-link").symlink_to(folder.parent)
    (folder / "loop").symlink_to(folder / "loop")
    settings.FRONTEND_DIR = folder
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "//etc/passwd",
        "../.env",
        "../secret.txt",
        "assets/../../secret.txt",
        "assets/..",
        "..",
        ".",
        "",
        ".env",
        "assets/.env",
        "assets",
        "assets/",
        "assets//index-DwkQ2a_9.js",
        "./index.html",
        "..\\secret.txt",
        "assets\\index-DwkQ2a_9.js",
        "index.html\0",
        "index.html\0.js",
        "index.html\n",
        "file-link.txt",
        "folder-link/secret.txt",
        "loop",
        "a" * 300,
        "a/" * 3000 + "b",
        "%2e%2e/secret.txt",
        "nothing.js",
        "\ud800",
    ],
)
def test_no_name_leads_out_of_the_folder(page: Path, name: str) -> None:
    assert serving.find(name) is None


@pytest.mark.parametrize("name", ["index.html", "assets/index-DwkQ2a_9.js", "vite.svg"])
def test_the_files_of_the_page_are_found(page: Path, name: str) -> None:
    assert serving.find(name) == page / name


@pytest.mark.parametrize(
    "path",
    [
        "//etc/passwd",
        "/%2fetc/passwd",
        "/../.env",
        "/..%2f.env",
        "/%2e%2e/.env",
        "/..%5c.env",
        "/.env",
        "/file-link.txt",
        "/folder-link/secret.txt",
        "/index.html%00",
        "/a%0ab",
        "/%ff%fe",
    ],
)
def test_a_trick_gets_the_page_or_404_and_never_a_file(
    client: Client, page: Path, path: str
) -> None:
    found = client.get(path, headers=HTML)
    assert (found.status_code, b"".join(found)) == (200, PAGE.encode())
    refused = client.get(path)
    assert refused.status_code == 404
    assert SECRET not in refused.content.decode()


@pytest.mark.parametrize("path", ["/", "/login", "/system", "/any/client/route", "/index.html"])
def test_the_page_is_at_every_path_that_nobody_else_has(
    client: Client, page: Path, path: str
) -> None:
    answer = client.get(path, headers=HTML)
    assert (answer.status_code, b"".join(answer)) == (200, PAGE.encode())
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert answer["Cache-Control"] == "no-cache, private"
    assert "Content-Disposition" not in answer


def headers_of(client: Client, path: str, **given: str) -> Any:
    """GET a file; what its answer says of it, read to its end."""
    answer = client.get(path, headers=given)
    assert b"".join(answer)
    return answer.headers


def test_hashed_files_are_kept_by_browsers_and_others_asked_for_anew(
    client: Client, page: Path
) -> None:
    hashed = headers_of(client, "/assets/index-DwkQ2a_9.js")
    assert "immutable" in hashed["Cache-Control"]
    assert hashed["Content-Type"].startswith("text/javascript")
    other = headers_of(client, "/vite.svg")
    assert other["Cache-Control"] == "no-cache, private"
    again = client.get("/vite.svg", headers={"if-none-match": other["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_new_page_is_seen_without_a_restart(client: Client, page: Path) -> None:
    tag = headers_of(client, "/index.html")["ETag"]
    (page / "index.html").write_text("<!doctype html>other")
    answer = client.get("/", headers={**HTML, "if-none-match": tag})
    assert b"".join(answer) == b"<!doctype html>other"


@pytest.mark.django_db  # closing an answer looks after old connections
@pytest.mark.parametrize("path", ["/", "/login", "/vite.svg", "/any/route"])
def test_files_are_only_read(client: Client, page: Path, path: str) -> None:
    read = client.head(path, headers=HTML)
    read.close()
    assert read.status_code == 200
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.generic(method, path).status_code == 405


def test_a_missing_file_is_no_page_to_a_script(client: Client, page: Path) -> None:
    assert client.get("/assets/gone.js").status_code == 404
    assert client.get("/api/nothing", headers=HTML)["Content-Type"] == "application/json"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/dashboard", "/admin"])
def test_our_pages_are_found_without_their_last_slash(
    client: Client, page: Path, path: str
) -> None:
    answer = client.get(f"{path}?range=week", headers=HTML)
    assert (answer.status_code, answer["Location"]) == (302, f"{path}/?range=week")
    nas = client.get(path, headers={**HTML, "host": "baluhost.local"})
    assert nas.status_code == 503  # there it is the NAS's


@pytest.mark.django_db
@pytest.mark.usefixtures("no_redis")
def test_our_own_page_and_sign_in_stay_at_dashboard(client: Client, page: Path) -> None:
    client.force_login(User.objects.create_user("someone"))
    assert b'id="nas"' in client.get("/dashboard/").content
    assert b"password" in client.get("/dashboard/login").content


@pytest.mark.django_db
def test_only_the_page_has_the_policy_that_it_needs(client: Client, page: Path) -> None:
    answer: Any = client.get("/", headers=HTML)
    answer.close()
    assert answer._csp_replace == serving.POLICY
    assert not hasattr(client.get("/dashboard/login"), "_csp_replace")


@pytest.mark.django_db
def test_without_such_a_page_ours_is_at_the_root_and_an_unknown_path_is_404(client: Client) -> None:
    assert client.get("/")["Location"] == "/dashboard/login?next=/"
    assert client.get("/login?next=/x")["Location"] == "/dashboard/login?next=/x"
    unknown = client.get("/any/route", headers=HTML)
    assert unknown.status_code == 404
    assert b"There is no such page here." in unknown.content
