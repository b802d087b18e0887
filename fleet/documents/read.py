"""A file's documents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from fleet.documents import json_text
from fleet.documents.build import Builder
from fleet.documents.cut import Segment, cut
from fleet.documents.limits import Budget, Limits, Refused
from fleet.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator

_UTF8_BOM: Final = b"\xef\xbb\xbf"
_OTHER_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")
_DEFAULT: Final = Limits()
_WHOLE_FILE: Final = -1
_DIRECTIVE: Final = re.compile(r"^%", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a file: its place among the file's documents from 0, its first line from 1, its value.

    Documents that hold nothing, or null, are not counted, as kubectl does not see them.
    """

    index: int
    line: int
    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Found:
    """A document of any type."""

    index: int
    line: int
    value: Any


@dataclass(frozen=True, slots=True)
class Documents:
    """What a file holds: the documents that read, and a fault for each that does not."""

    items: tuple[Document, ...]
    faults: tuple[DocumentError, ...] = ()


def read(data: bytes, *, path: str, limits: Limits = _DEFAULT) -> Documents:
    """The objects in a manifest file; JSON if the path ends in ``.json``, YAML otherwise.

    Never raises for what the file holds. The reader goes on after a document that does not read, except in a
    JSON file, where nothing shows the next one's beginning, and where a limit of the whole file is passed.
    ``List`` objects are left as they are.
    """
    items: list[Document] = []
    faults: list[DocumentError] = []
    for found in _documents(data, path, limits):
        if isinstance(found, DocumentError):
            faults.append(found)
        elif isinstance(found.value, dict):
            items.append(Document(found.index, found.line, found.value))
        else:
            text = f"a manifest is an object, and this is {_what(found.value)}"
            faults.append(DocumentError(text, path=path, document=found.index, line=found.line))
    return Documents(tuple(items), tuple(faults))


def value(data: bytes, *, path: str, limits: Limits = _DEFAULT) -> Any:
    """The value of a file with exactly one document, of any type but null. Raises ``DocumentError``."""
    values = []
    for found in _documents(data, path, limits):
        if isinstance(found, DocumentError):
            raise found
        values.append(found.value)
    if len(values) != 1:
        text = "it holds no document" if not values else "it holds more than one document"
        raise DocumentError(text, path=path, document=_WHOLE_FILE)
    return values[0]


def _documents(data: bytes, path: str, limits: Limits) -> Iterator[_Found | DocumentError]:
    data = data.removeprefix(_UTF8_BOM)
    if data.startswith(_OTHER_BOMS):
        yield DocumentError("the file is UTF-16 or UTF-32: save it as UTF-8", path=path, document=_WHOLE_FILE)
        return
    if len(data) > limits.size:
        text = f"the file has {len(data)} bytes, over the limit of {limits.size}"
        yield DocumentError(text, path=path, document=_WHOLE_FILE)
        return
    budget = Budget(limits)
    found = _json(data, path, budget) if path.endswith(".json") else _yaml(data, path, budget)
    for count, item in enumerate(found):
        if count == limits.documents:
            text = f"the file holds more than {limits.documents} documents"
            yield DocumentError(text, path=path, document=_WHOLE_FILE)
            return
        yield item


def _yaml(data: bytes, path: str, budget: Budget) -> Iterator[_Found | DocumentError]:
    builder = Builder(budget)
    index = 0
    for segment in cut(data):
        try:
            found = _segment(segment, builder, budget)
        except Refused as refused:
            line = segment.line + refused.line + 1
            yield DocumentError(refused.text, path=path, document=index, line=line)
            if budget.nodes < 0:
                return
        else:
            if found is None or found[0] is None:
                continue
            yield _Found(index, segment.line + found[1] + 1, found[0])
        index += 1


def _segment(segment: Segment, builder: Builder, budget: Budget) -> tuple[Any, int] | None:
    if segment.fault:
        raise Refused(segment.fault, -1)
    text = _decode(segment.text)
    if text.lstrip().startswith("{"):  # kubectl too looks for JSON first: YAML cannot read all of it
        found = _whole_json(text, budget)
        if found:
            return found
    try:
        return builder.document(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line if mark else 0
        if _DIRECTIVE.search(text):
            raise Refused("directives such as %YAML are not read", line) from None
        raise Refused(f"it is not valid YAML: {error.problem or 'it cannot be parsed'}", line) from None
    except yaml.reader.ReaderError as error:
        raise Refused(_CONTROL, text.encode()[: error.position].count(b"\n")) from None
    except yaml.YAMLError:
        raise Refused("it is not valid YAML") from None


def _whole_json(text: str, budget: Budget) -> tuple[Any, int] | None:
    """The text as one JSON value, or None where it is YAML (or several values: the YAML reader says so)."""
    before = budget.nodes
    try:
        found = json_text.document(text, 0, budget)
    except json_text.NotJson:
        return None
    if found is None or text[found[2] :].strip():
        budget.nodes = before
        return None
    return found[0], found[1]


def _json(data: bytes, path: str, budget: Budget) -> Iterator[_Found | DocumentError]:
    position = index = 0
    try:
        text = _decode(data)
        while found := json_text.document(text, position, budget):
            content, line, position = found
            if content is not None:
                yield _Found(index, line + 1, content)
                index += 1
    except Refused as refused:
        yield DocumentError(refused.text, path=path, document=index, line=refused.line + 1)


def _decode(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise Refused("it is not UTF-8 text", text[: error.start].count(b"\n")) from None


def _what(content: Any) -> str:
    if isinstance(content, list):
        return "a list"
    if isinstance(content, str):
        return "a string"
    return "a truth value" if isinstance(content, bool) else "a number"


_CONTROL: Final = "it holds a control character, which YAML does not allow"
