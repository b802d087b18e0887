"""Some strings of a file changed, and every other byte as it was: comments, order and layout stay.

Contract: pure. What comes out reads as what went in, with exactly those values changed: this is looked at each time, and
`DocumentError` is raised for what cannot be changed so (what an alias stands for, text over several lines in a block).
A value keeps its quotes; one without gets them where it would read as something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from fleet.documents import read, scalars
from fleet.documents.limits import Refused
from fleet.errors import DocumentError

# Keys and places, from the top of a document.
Path = tuple[str | int, ...]

_PLAIN: Final = re.compile(r"[A-Za-z0-9_/](?:[A-Za-z0-9_./@:+=*-]*[A-Za-z0-9_./@+=*-])?")
_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a scalar stands: its document, its path, its characters, and the anchors that it stands under."""

    document: int
    path: Path
    event: ScalarEvent
    anchors: frozenset[str]

    @property
    def span(self) -> tuple[int, int]:
        """Its first character, and the one behind its last."""
        start, end = self.event.start_mark, self.event.end_mark
        return (start.index, end.index) if start is not None and end is not None else (0, 0)


def replace(data: bytes, changes: Mapping[Path, str], *, path: str, document: int = 0) -> bytes:
    """Give the file with other strings at these paths of one of its documents, counted as ``read`` counts."""
    before = read.read(data, path=path)
    if before.faults:
        raise before.faults[0]
    text = data.decode()
    shift = len(text) - len(text.removeprefix(_BOM))
    body = text[shift:]
    try:
        places, aliased = _places(body)
    except yaml.YAMLError:
        raise DocumentError("it is not valid YAML", path=path) from None
    made = body
    found = {place.path: place for place in places if place.document == document}
    for at, new in sorted(changes.items(), key=lambda one: -_start(found.get(one[0]))):
        place = found.get(at)
        if place is None or place.anchors & aliased:
            raise _refused(path, at, "is no string of its own: write it out where it stands")
        first, last = place.span
        spelled = _spelled(body[first:last], place.event, new)
        if spelled is None:
            raise _refused(
                path, at, "cannot be changed as it is written: write it as one line, without anchor or tag"
            )
        made = made[:first] + spelled + made[last:]
    result = (text[:shift] + made).encode()
    _check(data, result, changes, path, document)
    return result


def _start(place: _Place | None) -> int:
    return place.span[0] if place is not None else 0


def _places(text: str) -> tuple[list[_Place], frozenset[str]]:
    """Every scalar that is a value, and the anchors that aliases name."""
    places: list[_Place] = []
    aliased: set[str] = set()
    document, stack = -1, list[_Frame]()
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, DocumentStartEvent):
            document += 1
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            stack.pop()
        elif isinstance(event, AliasEvent):
            aliased.add(event.anchor or "")
            if stack:
                stack[-1].step(None)
        elif isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent):
            key = stack[-1].step(event.value if isinstance(event, ScalarEvent) else None) if stack else ""
            if isinstance(event, ScalarEvent):
                if stack and key is not None:
                    way = tuple(frame.key for frame in stack)
                    anchors = {frame.anchor for frame in stack} | {event.anchor or ""}
                    places.append(_Place(document, way, event, frozenset(anchors - {""})))
                elif not stack and event.style is None and scalars.plain(event.value) is None:
                    document -= 1  # a document that holds nothing is not counted
            else:
                stack.append(_Frame(isinstance(event, MappingStartEvent), event.anchor or ""))
    return places, frozenset(aliased)


class _Frame:
    """An open container, and the key or place that is at hand."""

    __slots__ = ("_mapping", "_waits", "anchor", "key")

    def __init__(self, mapping: bool, anchor: str) -> None:  # noqa: FBT001 (of two kinds)
        self._mapping = mapping
        self._waits = False
        self.anchor = anchor
        self.key: str | int = "" if mapping else -1

    def step(self, text: str | None) -> str | int | None:
        """Take the next node; give its key or place, or None where it is a key itself."""
        if not self._mapping:
            self.key = int(self.key) + 1
            return self.key
        self._waits = not self._waits
        if self._waits:
            self.key = text if text is not None else ""
            return None
        return self.key


def _spelled(old: str, event: ScalarEvent, new: str) -> str | None:
    """The new value in the old one's manner; None where that cannot be."""
    if not new.isprintable() or not old or event.style in ("|", ">"):
        return None
    if event.style == "'" and old[0] == "'":
        return "'" + new.replace("'", "''") + "'"
    if event.style == '"' and old[0] == '"':
        return _quoted(new)
    if event.style is not None or old[0] in "&!":
        return None
    return new if _PLAIN.fullmatch(new) and _reads(new) else _quoted(new)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _reads(text: str) -> bool:
    try:
        return scalars.plain(text) == text
    except Refused:
        return False


def _check(data: bytes, result: bytes, changes: Mapping[Path, str], path: str, document: int) -> None:
    """Raise unless the result reads as what was there with these values changed."""
    old = [one.value for one in read.read(data, path=path).items]
    after = read.read(result, path=path)
    if document >= len(old):
        raise DocumentError("there is no such document", path=path, document=document)
    for at, new in changes.items():
        here: Any = old[document]
        for step in at[:-1]:
            here = here[step]
        if not isinstance(here[at[-1]], str):
            raise _refused(path, at, "is no string")
        here[at[-1]] = new
    if after.faults or [one.value for one in after.items] != old:
        raise DocumentError("it cannot be changed without changing more", path=path)


def _refused(path: str, at: Path, text: str) -> DocumentError:
    return DocumentError(f"{'.'.join(_words(at))} {text}", path=path)


def _words(at: Path) -> Iterator[str]:
    for step in at:
        yield str(step)
