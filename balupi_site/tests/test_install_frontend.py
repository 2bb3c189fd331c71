"""``manage.py install_frontend``: the old page or the new one, never a mixture."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from balupi_site.events.models import Event
from balupi_site.frontend import installing
from balupi_site.lib.locks import file_lock

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def place(settings: Any) -> Path:
    settings.FRONTEND_DIR = settings.DATA_DIR / "frontend"
    return Path(settings.FRONTEND_DIR)


def build(folder: Path, word: str) -> Path:
    """Make what a Vite build makes."""
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(word)
    (folder / "assets" / "a.js").write_text(word)
    return folder


def shown(place: Path) -> str:
    """Return what the page's files say; they must agree."""
    words = {path.read_text() for path in place.rglob("*.*")}
    assert len(words) == 1, words
    return words.pop()


def run(*arguments: object) -> str:
    out = io.StringIO()
    call_command("install_frontend", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_nginx_may_read_the_page_though_all_else_of_ours_is_closed(
    tmp_path: Path, place: Path
) -> None:
    before = os.umask(0o027)  # as the command "balupi" and the units have it
    try:
        run(build(tmp_path / "dist", "one"))
    finally:
        os.umask(before)
    page = place.resolve()
    for folder in (page.parent, page, page / "assets"):
        assert folder.stat().st_mode & 0o777 == 0o755
    assert (page / "assets" / "a.js").stat().st_mode & 0o777 == 0o644


def test_it_installs_and_tells_where(tmp_path: Path, place: Path) -> None:
    said = run(build(tmp_path / "dist", "one"))
    assert "Installed 2 files" in said
    assert "/dashboard/" in said
    assert shown(place) == "one"
    event = Event.objects.get()
    assert (event.kind, event.subject) == ("change.added", "NAS-built page")


def test_it_goes_back_and_forth_and_away(tmp_path: Path, place: Path) -> None:
    run(build(tmp_path / "a", "one"))
    run(build(tmp_path / "b", "two"))
    run(build(tmp_path / "c", "three"))
    run("--rollback")
    assert shown(place) == "two"
    run("--rollback")
    assert shown(place) == "three"
    run("--remove")
    assert not place.exists()
    run("--rollback")
    assert shown(place) == "three"
    assert len(list(place.with_name("frontend.copies").iterdir())) == 2
    assert [event.kind for event in Event.objects.order_by("pk")][-2:] == [
        "change.deleted",
        "change.edited",
    ]


def test_a_page_installed_after_a_removal_leaves_the_way_back(tmp_path: Path, place: Path) -> None:
    run(build(tmp_path / "a", "one"))
    run("--remove")
    run(build(tmp_path / "b", "two"))
    run("--rollback")
    assert shown(place) == "one"


def test_a_second_removal_changes_nothing(place: Path) -> None:
    assert "nothing was changed" in run("--remove")
    assert not Event.objects.exists()


def test_without_an_earlier_page_there_is_no_way_back(tmp_path: Path, place: Path) -> None:
    run(build(tmp_path / "a", "one"))
    with pytest.raises(CommandError, match="no way back"):
        run("--rollback")
    assert shown(place) == "one"


def _nothing(folder: Path) -> None:
    folder.rmdir()


def _no_index(folder: Path) -> None:
    (folder / "main.html").write_text("x")


def _empty_index(folder: Path) -> None:
    (folder / "index.html").touch()


def _link_out(folder: Path) -> None:
    build(folder / "x", "x")
    (folder / "index.html").write_text("x")
    (folder / "passwd.txt").symlink_to("/etc/passwd")


def _linked_index(folder: Path) -> None:
    (folder / "index.html").symlink_to("/etc/passwd")


def _linked_folder(folder: Path) -> None:
    (folder / "index.html").write_text("x")
    (folder / "assets").symlink_to("/etc")


def _pipe(folder: Path) -> None:
    (folder / "index.html").write_text("x")
    os.mkfifo(folder / "pipe.js")


def _odd_name(folder: Path) -> None:
    (folder / "index.html").write_text("x")
    (folder / "a\\b.js").write_text("x")


def _too_large(folder: Path) -> None:
    (folder / "index.html").write_text("x")
    with (folder / "film.mp4").open("wb") as file:
        file.truncate(installing.MAX_BYTES + 1)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_nothing, "is not a folder"),
        (_no_index, "no index.html"),
        (_empty_index, "no index.html"),
        (_link_out, "is a link"),
        (_linked_index, "is a link"),
        (_linked_folder, "is a link"),
        (_pipe, "no file"),
        (_odd_name, "has a name"),
        (_too_large, "more than"),
    ],
)
def test_what_is_no_page_is_refused_and_the_old_one_stays(
    tmp_path: Path, place: Path, spoil: Any, told: str
) -> None:
    run(build(tmp_path / "good", "one"))
    bad = tmp_path / "bad"
    bad.mkdir()
    spoil(bad)
    with pytest.raises(CommandError, match=told):
        run(bad)
    assert shown(place) == "one"
    assert Event.objects.count() == 1


def test_hidden_files_are_left_out(tmp_path: Path, place: Path) -> None:
    dist = build(tmp_path / "dist", "one")
    (dist / ".env").write_text("secret")
    (dist / ".git").mkdir()
    (dist / ".git" / "config").write_text("secret")
    run(dist)
    assert sorted(path.name for path in place.rglob("*")) == ["a.js", "assets", "index.html"]


@pytest.mark.parametrize("step", ["copyfile", "sync", "rename", "symlink_to", "replace"])
def test_killed_at_any_step_it_leaves_the_old_page_whole_and_the_next_run_cleans_up(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    run(build(tmp_path / "a", "one"))

    class Killed(BaseException):
        """Nothing of ours catches it, as nothing catches kill -9."""

    def die(*_args: Any, **_kwargs: Any) -> None:
        raise Killed

    owner: Any = {"copyfile": shutil, "sync": os}.get(step, Path)
    with monkeypatch.context() as patched:
        patched.setattr(owner, step, die)
        with pytest.raises(Killed):
            run(build(tmp_path / "b", "two"))
    assert shown(place) == "one"
    run(build(tmp_path / "c", "three"))
    assert shown(place) == "three"
    assert all(copy.name.startswith("page-") for copy in place.resolve().parent.iterdir())
    assert not os.path.lexists(place.with_name("frontend.next"))


def test_a_folder_that_somebody_else_put_there_is_let_be(tmp_path: Path, place: Path) -> None:
    build(place, "by hand")
    for arguments in ((build(tmp_path / "a", "one"),), ("--remove",), ("--rollback",)):
        with pytest.raises(CommandError, match="Move them away first"):
            run(*arguments)
    assert shown(place) == "by hand"


def test_an_empty_folder_and_a_dangling_link_of_ours_are_no_obstacle(
    tmp_path: Path, place: Path
) -> None:
    place.mkdir()
    run(build(tmp_path / "a", "one"))
    place.unlink()
    place.symlink_to("frontend.copies/page-gone")
    run(build(tmp_path / "b", "two"))
    assert shown(place) == "two"


def test_two_at_once_take_turns(tmp_path: Path, place: Path) -> None:
    with file_lock("frontend"), pytest.raises(CommandError, match="Another"):
        run(build(tmp_path / "a", "one"))
    assert not place.exists()
