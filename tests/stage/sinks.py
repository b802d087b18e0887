"""Where a secret could end up: etcd with all its past, processes and what they were given, files, Git objects.

Contract: each gives pairs of a name and bytes. Of Secrets in etcd a caller may leave out ``data``, and all else of them
stays: metadata, managedFields, type.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import socket
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

ENCODED = b"k8s\x00"  # how the API server marks what it keeps in protobuf
DATA = 2  # the field of a Secret; metadata is 1, type 3
RAW = 2  # the field of runtime.Unknown that holds the object
BYTES, VARINT = 2, 0
PAUSE = 0.004
LARGEST = 4 << 20


class History:
    """Every state of every key of an etcd from now on, deleted ones too; ``cut`` says of a key whether data is left out.

    Only keys below these places are looked at: other API servers may keep theirs in the same etcd.
    """

    def __init__(self, url: str, places: tuple[str, ...], cut: Callable[[str], bool]) -> None:
        self._places = places
        self._place = urlsplit(url).netloc
        self._cut = cut
        self._lines: list[bytes] = []
        self._connection: http.client.HTTPConnection | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        """Begin with what is there."""
        self._start = self._revision()
        every = base64.b64encode(b"\0").decode()
        self._now = self._asked("/v3/kv/range", {"key": every, "range_end": every})
        body = {"create_request": {"key": every, "range_end": every, "start_revision": self._start + 1}}
        self._connection = http.client.HTTPConnection(self._place)
        self._connection.request("POST", "/v3/watch", json.dumps(body))
        self._answer = self._connection.getresponse()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None and self._connection.sock is not None:
            with contextlib.suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)  # the thread hears of it
            self._connection.close()
        self._thread.join(5)

    def caught_up(self) -> bool:
        """Whether all that was written until now is here."""
        last = self._revision()
        seen = max((int(event["kv"]["mod_revision"]) for event in self._events()), default=self._start)
        return seen >= last

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Key and value of each state."""
        for key, value in self.whole():
            yield key, without_data(value) if "/secrets/" in key and self._cut(key) else value

    def whole(self) -> Iterator[tuple[str, bytes]]:
        """Key and value of each state, with nothing left out."""
        for kv in (*self._now.get("kvs", ()), *(event["kv"] for event in self._events())):
            key = base64.b64decode(kv["key"]).decode()
            if key.startswith(self._places):
                yield key, base64.b64decode(kv.get("value", ""))

    def _events(self) -> Iterator[dict[str, dict[str, str]]]:
        for line in list(self._lines):
            found = json.loads(line)["result"]
            assert not found.get("compact_revision"), "etcd has forgotten what was to be searched"
            yield from found.get("events", ())

    def _follow(self) -> None:
        try:
            while line := self._answer.readline():
                self._lines.append(line)
        except (OSError, ValueError, AttributeError):
            return

    def _revision(self) -> int:
        return int(self._asked("/v3/kv/range", {"key": "AA==", "count_only": True})["header"]["revision"])

    def _asked(self, path: str, body: object) -> dict[str, dict[str, str]]:
        connection = http.client.HTTPConnection(self._place, timeout=30)
        try:
            connection.request("POST", path, json.dumps(body))
            found: dict[str, dict[str, str]] = json.loads(connection.getresponse().read())
            return found
        finally:
            connection.close()


def without_data(value: bytes) -> bytes:
    """A Secret as etcd keeps it, without the values of its keys."""
    if not value.startswith(ENCODED):
        return value
    kept = []
    for field, kind, content in _fields(value[len(ENCODED) :]):
        if field == RAW and kind == BYTES:
            kept += [part for inner, _, part in _fields(content) if inner != DATA]
        else:
            kept.append(content)
    return b"\n".join(kept)


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The fields of a protobuf message: number, wire type, content."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        field, kind = tag >> 3, tag & 7
        if kind == BYTES:
            length, at = _varint(message, at)
            yield field, kind, message[at : at + length]
            at += length
        elif kind == VARINT:
            number, at = _varint(message, at)
            yield field, kind, str(number).encode()
        else:
            raise ValueError(f"wire type {kind} is in no Secret")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


class Sampler:
    """A process and all below it, looked at all the time: command lines, environments, files of ``folder``."""

    def __init__(self, pid: int, folder: Path) -> None:
        self._pid = pid
        self._folder = folder
        self._seen: dict[tuple[str, bytes], None] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        yield from list(self._seen)

    def _run(self) -> None:
        while not self._stop.wait(PAUSE):
            for pid in self._below(self._pid):
                for part in ("cmdline", "environ"):
                    self._take(f"{part} of a process", Path(f"/proc/{pid}/{part}"))
            for name, content in files(self._folder):
                self._seen[f"temporary file {name}", content] = None

    def _take(self, name: str, path: Path) -> None:
        try:
            self._seen[name, path.read_bytes()] = None
        except OSError:
            return  # it has ended, or is not to be looked into

    def _below(self, pid: int) -> Iterator[int]:
        yield pid
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                for child in (task / "children").read_text().split():
                    yield from self._below(int(child))
        except OSError:
            return


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder, and its name; what is compressed with zlib is opened too."""
    for place, _, held in os.walk(folder):
        for name in held:
            path = Path(place) / name
            try:
                if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
                    continue
                content = path.read_bytes()
            except OSError:
                continue
            yield str(path), content + b"\n" + str(path).encode()
            try:
                yield str(path), zlib.decompress(content)
            except zlib.error:
                continue


def git_objects(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All objects of each bare repository below a folder, packed ones too."""
    for head in folder.rglob("HEAD"):
        if (head.parent / "objects").is_dir():
            argv = ["git", "--git-dir", str(head.parent), "cat-file", "--batch-all-objects", "--batch"]
            done = subprocess.run(argv, capture_output=True, check=True, timeout=60)
            yield f"Git objects of {head.parent}", done.stdout
