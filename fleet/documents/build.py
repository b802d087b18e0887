"""One YAML document, as a stream of libyaml's events, built into a value.

Contract: pure; an explicit stack, no recursion over the input. Raises ``Refused`` with the line for every
breach of the rules, and lets libyaml's own errors pass for the caller to put into words.
Building from events rather than with PyYAML's constructor is what makes the value equal to kubectl's, gives
each mistake its line, and halves the time.
"""

from __future__ import annotations

from typing import Any, Final

from yaml.cyaml import CSafeLoader
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from fleet.documents import scalars
from fleet.documents.limits import DEEP, MANY, Budget, Refused

_STRING_TAG: Final = "tag:yaml.org,2002:str"
_MERGE: Final = object()  # the key ``<<`` while its value is built
_NONE: Final = object()  # no key yet


class Builder:
    """Builds the documents of one file, which share the budget and the plain scalars once resolved."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._values: dict[str, Any] = {}
        self._keys: dict[str, str] = {}

    def document(self, text: str) -> tuple[Any, int] | None:
        """The value of a text with one document, and its first line from 0; None where it holds none."""
        parser = CSafeLoader(text)
        get: Any = parser.get_event
        event: Any = get()
        while type(event) is StreamStartEvent:
            event = get()
        if type(event) is StreamEndEvent:
            return None
        event = get()
        line = event.start_mark.line
        value = _Document(self._budget, self._values, self._keys).build(event, get)
        get()  # the document's end
        event = get()
        next_line = event.start_mark.line
        if type(event) is DocumentStartEvent:
            raise Refused("a second document begins here without a line of its own that is '---'", next_line)
        return value, line


class _Frame:
    """An open container: where it hangs, and what of it is not yet known."""

    __slots__ = ("anchor", "key", "merged", "target")

    def __init__(self, target: dict[str, Any] | list[Any], anchor: str | None) -> None:
        self.target = target
        self.anchor = anchor
        self.key: Any = _NONE
        self.merged: set[str] | None = None


class _Document:
    def __init__(self, budget: Budget, values: dict[str, Any], keys: dict[str, str]) -> None:
        self._budget = budget
        self._values = values
        self._keys = keys
        self._anchors: dict[str, Any] = {}
        self._open: set[str] = set()

    def build(self, event: Any, get: Any) -> Any:  # noqa: C901, PLR0912, PLR0915 (the hot loop, in one place)
        budget, values = self._budget, self._values
        stack: list[_Frame] = []
        frame: _Frame | None = None
        root: Any = None
        nodes, depth = budget.nodes, budget.depth
        while True:
            kind = type(event)
            if kind is ScalarEvent:
                nodes -= 1
                if frame is not None and frame.key is _NONE and type(frame.target) is dict:
                    self._key(frame, event)
                    event = get()
                    continue
                value = event.value
                if event.tag is not None:
                    _check_tag(event)
                elif event.implicit[0]:
                    text = value
                    value = values.get(text, _NONE)
                    if value is _NONE:
                        value = values[text] = _plain(text, event)
                if event.anchor is not None:
                    self._anchors[event.anchor] = value
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                nodes -= 1
                if nodes < 0:
                    break
                if len(stack) >= depth:
                    raise Refused(DEEP.format(depth), event.start_mark.line)
                if event.tag is not None:
                    raise Refused(_TAG, event.start_mark.line)
                value = {} if kind is MappingStartEvent else []
                if frame is not None:
                    if frame.key is _NONE and type(frame.target) is dict:
                        raise Refused(
                            "a key must be a string, and this one is a list or a mapping",
                            event.start_mark.line,
                        )
                    if frame.key is not _MERGE:
                        _attach(frame, value)
                else:
                    root = value
                if event.anchor is not None:
                    self._open.add(event.anchor)
                frame = _Frame(value, event.anchor)
                stack.append(frame)
                event = get()
                continue
            elif kind is AliasEvent:
                nodes -= 1
                if frame is not None and frame.key is _NONE and type(frame.target) is dict:
                    self._set_key(frame, self._alias_key(event), event)
                    event = get()
                    continue
                budget.nodes = nodes
                value = budget.copy(self._alias(event), len(stack) + 1, event.start_mark.line)
                nodes = budget.nodes
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                done = stack.pop()
                value = done.target
                if done.anchor is not None:
                    self._open.discard(done.anchor)
                    self._anchors[done.anchor] = value
                if not stack:
                    break
                frame = stack[-1]
                if frame.key is not _MERGE:  # it hangs in its parent since it was opened
                    event = get()
                    continue
            if nodes < 0:
                break
            if frame is None:
                root = value
                break
            if frame.key is _MERGE:
                _merge(frame, value, event)
            else:
                _attach(frame, value)
            event = get()
        budget.nodes = nodes
        if nodes < 0:
            raise Refused(MANY, event.start_mark.line)
        return root

    def _key(self, frame: _Frame, event: Any) -> None:
        text: str = event.value
        key = value = text
        if event.tag is not None:
            _check_tag(event)
        elif event.implicit[0]:
            if text == "<<":
                if frame.merged is not None:
                    raise Refused("the merge key '<<' occurs twice in one mapping", event.start_mark.line)
                frame.key, frame.merged = _MERGE, set()
                return
            key = self._keys.get(text) or self._plain_key(event)
            if event.anchor is not None:
                value = _plain(text, event)
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        self._set_key(frame, key, event)

    def _plain_key(self, event: Any) -> str:
        try:
            key = self._keys[event.value] = scalars.key(event.value)
        except Refused as error:
            raise Refused(error.text, event.start_mark.line) from None
        return key

    def _set_key(self, frame: _Frame, key: str, event: Any) -> None:
        if key in frame.target:
            if frame.merged is None or key not in frame.merged:
                raise Refused("a key occurs twice in one mapping", event.start_mark.line)
            frame.merged.discard(key)
        frame.key = key

    def _alias(self, event: Any) -> Any:
        name = event.anchor
        if name in self._open:
            raise Refused("an alias stands inside what it stands for", event.start_mark.line)
        if name not in self._anchors:
            raise Refused("an alias names no anchor of this document", event.start_mark.line)
        return self._anchors[name]

    def _alias_key(self, event: Any) -> str:
        value = self._alias(event)
        if type(value) is not str:
            raise Refused("an alias that is used as a key must stand for a string", event.start_mark.line)
        return value


def _attach(frame: _Frame, value: Any) -> None:
    target = frame.target
    if type(target) is dict:
        target[frame.key] = value
        frame.key = _NONE
    else:
        target.append(value)  # type: ignore[union-attr]  # mypy does not narrow by type()


def _merge(frame: _Frame, value: Any, event: Any) -> None:
    """Put what ``<<`` brings into the mapping; a later key overrides it, an earlier one is a mistake.

    kubectl lets the merge win over a key before it and every other reader does not: refused, as is an alias
    that stands for a list, which kubectl does not merge either.
    """
    line = event.start_mark.line
    parts = value if type(value) is list and type(event) is not AliasEvent else [value]
    brought: dict[str, Any] = {}
    for part in reversed(parts):
        if type(part) is not dict:
            raise Refused("the merge key '<<' needs a mapping, or a list of mappings", line)
        brought.update(part)
    target = frame.target
    if type(target) is dict and frame.merged is not None:
        for key, item in brought.items():
            if key in target:
                raise Refused("the merge key '<<' brings a key that stands before it: put '<<' first", line)
            target[key] = item
            frame.merged.add(key)
    frame.key = _NONE


def _plain(text: str, event: Any) -> Any:
    try:
        return scalars.plain(text)
    except Refused as error:
        raise Refused(error.text, event.start_mark.line) from None


_TAG: Final = "tags other than !!str are not read"


def _check_tag(event: Any) -> None:
    if event.tag != _STRING_TAG:
        raise Refused(_TAG, event.start_mark.line)
