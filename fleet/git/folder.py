"""A mirror's folder on disk: made, opened after a crash, its refs read; blocking, no network.

Contract: the folder has one owner, this process. What a killed git left (locks, half a pack) is swept away on
opening; a folder that is no mirror of this URL is made anew. Refs are read from the files of the `files`
format (gitrepository-layout(5)), as a process more would cost more than all of it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING, Final

from fleet.errors import SourceError
from fleet.git.objects import Damaged
from fleet.git.process import GitFailed
from fleet.git.refs import HEADS, TAGS, Refs, commit_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fleet.git.process import Git

KEEP: Final = "refs/fleethub/keep/"
_MARK: Final = "fleethub-url"


def opened(folder: Path, repo: str) -> bool:
    """Whether the folder is a mirror of ``repo``; if so, what a killed git left in it is gone."""
    try:
        if (folder / _MARK).read_text() != repo or not (folder / "HEAD").is_file():
            return False
    except (OSError, UnicodeDecodeError):
        return False
    sweep(folder)
    return True


def make(folder: Path, repo: str, git: Git, width: int) -> None:
    """Make an empty mirror in place of whatever is there; ``width``: hexadecimal digits of a hash."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Named only for SHA-256: older versions of git do not know the option.
    form = ["--object-format=sha256"] if width == 64 else []  # noqa: PLR2004 (SHA-256 in hexadecimal)
    try:
        git.run(["init", "--bare", "--quiet", "--template=", *form, "--", str(folder)])
        (folder / _MARK).write_text(repo)
    except (GitFailed, OSError):
        raise SourceError("the folder of the mirror cannot be written") from None


def sweep(folder: Path) -> None:
    """Remove locks and unfinished packs. Only while no git writes here."""
    for place, folders, files in os.walk(folder):
        # Loose objects are many, and are renamed into place: what is unfinished lies in the folders above.
        if os.path.basename(place) == "objects":  # noqa: PTH119 (of a string that os.walk gave)
            folders[:] = [name for name in folders if name in ("pack", "info")]
        for name in files:
            if (
                name.endswith(".lock")
                or name == "gc.pid"
                or name.startswith("tmp_")
                or (name.endswith(".keep") and "pack-" in name)
            ):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(place, name))  # noqa: PTH108, PTH118 (as above)


def width(folder: Path) -> int:
    """Hexadecimal digits of an object's hash in this mirror."""
    with contextlib.suppress(OSError):
        if "sha256" in (folder / "config").read_text().lower():
            return 64
    return 40


def refs(folder: Path, head: str, repo: str, peel: Callable[[str], str]) -> Refs:
    """Branches and tags as they stand; ``peel`` gives what an annotated tag shows."""
    # Loose ones first: packing, which may go on beside, moves them from there to the other place.
    heads_now, tags_now = _loose(folder, "refs/heads"), _loose(folder, "refs/tags")
    plain, peeled = _packed(folder)
    plain.update(heads_now)
    for name, oid in tags_now:
        plain[name] = oid
        peeled[name] = peel(oid)
    heads = {name.removeprefix(HEADS): oid for name, oid in plain.items() if name.startswith(HEADS)}
    tags = {
        name.removeprefix(TAGS): peeled.get(name, oid) for name, oid in plain.items() if name.startswith(TAGS)
    }
    return Refs(heads, tags, head, repo)


def kept(folder: Path) -> frozenset[str]:
    """The commits that private refs hold."""
    names = {name for name, _ in _loose(folder, KEEP.rstrip("/"))}
    names.update(name for name in _packed(folder)[0] if name.startswith(KEEP))
    return frozenset(name.removeprefix(KEEP) for name in names)


def crowded(folder: Path) -> bool:
    """Whether reading would gain from packing: many packs, loose objects or loose refs."""
    packs = _count(folder / "objects" / "pack", ".pack")
    # Hashes are even: one folder of 256 tells of all (as `git gc --auto` looks).
    loose = _count(folder / "objects" / "17", "") * 256
    return packs > 30 or loose > 6000 or _count(folder / "refs" / "tags", "") > 200  # noqa: PLR2004 (as above)


def _count(folder: Path, end: str) -> int:
    try:
        return sum(name.endswith(end) for name in os.listdir(folder))  # noqa: PTH208 (names are enough)
    except OSError:
        return 0


def _packed(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    plain: dict[str, str] = {}
    peeled: dict[str, str] = {}
    try:
        lines = (folder / "packed-refs").read_text(errors="backslashreplace").split("\n")
    except FileNotFoundError:
        return plain, peeled
    except OSError:
        raise Damaged("the mirror's refs cannot be read: it is made anew") from None
    name = ""
    for line in lines:
        if line.startswith("^"):
            peeled[name] = line[1:]
        elif line and not line.startswith("#"):
            oid, _, name = line.partition(" ")
            if not commit_hash(oid):
                raise Damaged("the mirror's refs cannot be read: it is made anew")
            plain[name] = oid
    return plain, peeled


def _loose(folder: Path, under: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    base = len(str(folder)) + 1
    for path in _files(folder / under):
        try:
            with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123 (a string)
                oid = file.read().strip()
        except FileNotFoundError:
            continue  # packed just now
        if not commit_hash(oid):
            raise Damaged("the mirror's refs cannot be read: it is made anew")
        found.append((os.fsencode(path[base:]).decode(errors="backslashreplace"), oid))
    return found


def _files(under: Path) -> Iterator[str]:
    for place, _, names in os.walk(under):
        for name in names:
            yield f"{place}/{name}"
