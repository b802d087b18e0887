"""A chart's archive as a tree, in memory: nothing of it is written anywhere.

Contract: bounded in bytes, files and depth before anything is believed; a name that leaves the archive, a link, a
device, a file with holes or a second folder at the top is refused. A file's oid is the digest of its content, a
folder's that of its listing, so that equal charts are equal wherever they come from.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from fleet.errors import PathNotFound, SourceError
from fleet.model import Read

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES: Final = 64 << 20
MOST_FILES: Final = 10_000
LONGEST: Final = 1024
DEEPEST: Final = 32  # each folder above a file costs memory: a few kilobytes of archive could name millions
_NAME: Final = 255  # of bytes, as file systems have it


class ArchiveRefused(SourceError):
    """An archive that is no chart's, or holds what no chart needs."""

    reason = "ChartRefused"


class Entry(NamedTuple):
    """A file or folder of an archive."""

    name: str
    oid: str
    path: str
    is_directory: bool

    @property
    def is_link(self) -> bool:
        """Never: links are refused."""
        return False

    @property
    def is_file(self) -> bool:
        """Whether it is a file."""
        return not self.is_directory


class Content(NamedTuple):
    """An archive read once: content by path, entries by folder. Shared, never changed."""

    files: Mapping[str, bytes]
    folders: Mapping[str, tuple[Entry, ...]]


class ArchiveTree:
    """One archive's files for one render: it records each look-up."""

    def __init__(self, repo: str, name: str, content: Content) -> None:
        self._repo = repo
        self._name = name
        self._content = content
        self._reads: set[Read] = set()

    @property
    def reads(self) -> frozenset[Read]:
        """All that was looked up so far."""
        return frozenset(self._reads)

    def entry(self, path: str) -> Entry | None:
        """What lies at a path; None where nothing does."""
        path = _plain(path)
        above, _, name = path.rpartition("/")
        found = Entry("", "", "", is_directory=True) if not path else None
        for one in self._content.folders.get(above, ()) if path else ():
            if one.name == name:
                found = one
        self._reads.add(Read(self._repo, f"{self._name}/{path}", found.oid if found is not None else None))
        return found

    def list(self, path: str) -> Sequence[Entry]:
        """What lies in a folder."""
        found = self._content.folders.get(_plain(path))
        if found is None:
            raise PathNotFound(f"{path} is no folder of the chart {self._name}")
        return found

    def read(self, path: str) -> bytes:
        """A file's content."""
        found = self._content.files.get(_plain(path))
        if found is None:
            raise PathNotFound(f"{path} is not in the chart {self._name}")
        return found


def read(data: bytes, name: str) -> Content:
    """The content of a ``.tgz``; raises `ArchiveRefused`, which names the chart."""
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(_unpacked(data, name)), mode="r:") as archive:
            for member in _members(archive, name):
                taken = archive.extractfile(member)
                files[member.name] = taken.read() if taken is not None else b""
    except (
        tarfile.TarError,
        ValueError,
        OverflowError,
        EOFError,
    ):  # the library lets numbers that do not read through
        raise ArchiveRefused(f"the archive of chart {name} does not read") from None
    if len({path.partition("/")[0] for path in files}) != 1 or any("/" not in path for path in files):
        raise ArchiveRefused(f"the archive of chart {name} does not hold one folder")
    folders = _folders(files)
    twice = next((path for path in files if path in folders), None)
    if twice is not None:
        raise ArchiveRefused(f"the archive of chart {name} holds {twice} both as a file and as a folder")
    return Content(files, folders)


def _unpacked(data: bytes, name: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            found = file.read(MOST_BYTES + 1)
    except EOFError:
        raise ArchiveRefused(f"the archive of chart {name} ends too early") from None
    except (OSError, zlib.error):
        raise ArchiveRefused(f"the archive of chart {name} is no gzip") from None
    if len(found) > MOST_BYTES:
        raise ArchiveRefused(f"the archive of chart {name} holds more than {MOST_BYTES >> 20} MiB")
    return found


def _members(archive: tarfile.TarFile, name: str) -> Iterator[tarfile.TarInfo]:
    count = 0
    for member in archive:
        count += 1
        if count > MOST_FILES:
            raise ArchiveRefused(f"the archive of chart {name} holds more than {MOST_FILES} files")
        if member.isdir() or member.type in (tarfile.XGLTYPE, tarfile.XHDTYPE):
            continue
        if member.issparse():
            # Its size is what it says, not what it takes: a few bytes of archive would become gigabytes of nothing.
            raise ArchiveRefused(f"the archive of chart {name} holds a file with holes")
        if not member.isreg():
            raise ArchiveRefused(f"the archive of chart {name} holds a link or a device")
        _judge(member.name, name)
        member.name = _plain(member.name)
        yield member


def _judge(path: str, name: str) -> None:
    parts = path.split("/")
    if path.startswith("/") or ".." in parts or "\\" in path:
        raise ArchiveRefused(f"the archive of chart {name} holds a file outside itself")
    if len(path) > LONGEST or len(parts) > DEEPEST:
        raise ArchiveRefused(
            f"the archive of chart {name} holds a path longer than {LONGEST} characters or {DEEPEST} folders"
        )
    if not path.isprintable() or any(len(part.encode()) > _NAME for part in parts):
        raise ArchiveRefused(f"the archive of chart {name} holds a name that no file can have here")


def _folders(files: Mapping[str, bytes]) -> dict[str, tuple[Entry, ...]]:
    below: dict[str, dict[str, bytes | None]] = {"": {}}
    for path, content in files.items():
        parts = path.split("/")
        for depth in range(len(parts)):
            above = "/".join(parts[:depth])
            below.setdefault(above, {})[parts[depth]] = content if depth == len(parts) - 1 else None
    oids: dict[str, str] = {}
    found: dict[str, tuple[Entry, ...]] = {}
    for folder in sorted(below, key=lambda one: one.count("/") + 1 if one else 0, reverse=True):
        entries = []
        for name, data in sorted(below[folder].items()):
            path = f"{folder}/{name}" if folder else name
            oid = oids.get(path, "") if data is None else hashlib.sha256(data).hexdigest()
            entries.append(Entry(name, oid, path, is_directory=data is None))
        found[folder] = tuple(entries)
        oids[folder] = hashlib.sha256(repr(entries).encode()).hexdigest()
    return found


def _plain(path: str) -> str:
    return "/".join(part for part in path.split("/") if part not in ("", "."))
