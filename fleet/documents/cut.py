"""A file cut into the texts of its documents, where kubectl cuts it: at lines that begin with ``---``.

Contract: pure; bytes in, segments out, nothing parsed. The cut comes before the parsing, so a document that
does not read leaves the others readable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEPARATOR: Final = re.compile(rb"^---([^\n]*)(?:\n|\Z)", re.MULTILINE)
_BLANK: Final = re.compile(rb"(?:[ \t\r]*(?:#[^\n]*)?(?:\n|\Z))*")


@dataclass(frozen=True, slots=True)
class Segment:
    """The text of at most one document; ``line`` is its first line's number from 0.

    ``fault`` says what is wrong with the separator above it, at ``line - 1``; such a text is not to be read.
    """

    text: bytes
    line: int
    fault: str = ""


def cut(data: bytes) -> Iterator[Segment]:
    """The segments that hold more than blank lines and comments, in order."""
    start, line, fault = 0, 0, ""
    for separator in _SEPARATOR.finditer(data):
        text = data[start : separator.start()]
        if fault or (text and not blank(text)):
            yield Segment(text, line, fault)
        line += text.count(b"\n") + 1
        start = separator.end()
        rest = separator[1].strip()
        fault = "" if not rest or rest.startswith(b"#") else _FAULT
    text = data[start:]
    if fault or not blank(text):
        yield Segment(text, line, fault)


def blank(text: bytes) -> bool:
    """Whether a text holds nothing but blank lines and comments."""
    match = _BLANK.match(text)
    return match is not None and match.end() == len(text)


_FAULT: Final = "a line that begins with '---' separates documents: only a comment may follow on it"
