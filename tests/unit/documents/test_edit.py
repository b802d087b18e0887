"""Strings of a file are changed, and nothing else."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.documents import edit, read
from fleet.errors import DocumentError

KEYS = st.text("abcXYZ_-", min_size=1, max_size=5).filter(
    lambda key: key[0] != "-" and key.lower() not in "yn"
)
# What a value may be: plain words, numbers in disguise, quotes, other scripts, what looks like a comment or an alias.
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=20).filter(
        str.isprintable
    ),
    st.sampled_from(
        ["on", "1.20", "0x1f", "~", "v1.2", "a: b", "a #b", "'", '"', "\\", "- x", "*a", "&a", "é"]
    ),
)
VALUES = st.recursive(
    st.one_of(TEXTS, st.integers(-5, 5), st.booleans(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4), st.dictionaries(KEYS, inner, min_size=1, max_size=4)
    ),
    max_leaves=12,
)

Chunk = tuple[str, edit.Path | None]


def spelled(text: str, chance: random.Random) -> str:
    """A string as somebody may have written it."""
    if re.fullmatch(r"[a-zA-Z]{3,}[a-zA-Z.@/:-]*[a-zA-Z]", text) and text.lower() not in (
        "yes",
        "false",
        "off",
        "true",
        "null",
    ):
        manner = chance.choice(["plain", "single", "double"])
    else:
        manner = chance.choice(["single", "double"])
    if manner == "single":
        return "'" + text.replace("'", "''") + "'"
    return text if manner == "plain" else json.dumps(text, ensure_ascii=False)


def flow(value: Any, way: edit.Path, chance: random.Random) -> Iterator[Chunk]:
    """A value in brackets, with its string values as chunks of their own."""
    gap = " " * chance.randint(0, 2)
    if isinstance(value, str):
        yield spelled(value, chance), way
    elif isinstance(value, dict):
        yield "{" + gap, None
        for index, (key, item) in enumerate(value.items()):
            yield f"{', ' if index else ''}{key}: ", None
            yield from flow(item, (*way, key), chance)
        yield gap + "}", None
    elif isinstance(value, list):
        yield "[" + gap, None
        for index, item in enumerate(value):
            yield ("," + gap if index else ""), None
            yield from flow(item, (*way, index), chance)
        yield gap + "]", None
    else:
        yield json.dumps(value), None


def block(value: Any, way: edit.Path, deep: int, chance: random.Random) -> Iterator[Chunk]:
    """A value line by line, with comments and empty lines between."""
    pairs = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    for key, item in pairs:
        if chance.random() < 0.2:
            yield chance.choice(["\n", " " * chance.randint(0, 6) + "# a: 'note\n"]), None
        yield " " * deep + (f"{key}:" if isinstance(value, dict) else "-"), None
        if isinstance(item, dict | list) and chance.random() < 0.7:
            yield chance.choice(["\n", "  # behind\n"]), None
            yield from block(item, (*way, key), deep + chance.randint(1, 4), chance)
        else:
            yield " " * chance.randint(1, 3), None
            yield from flow(item, (*way, key), chance)
            yield chance.choice(["\n", '  # behind: "x\n']), None


def put(value: Any, way: edit.Path, new: str) -> None:
    for step in way[:-1]:
        value = value[step]
    value[way[-1]] = new


@given(
    st.lists(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), min_size=1, max_size=3),
    st.randoms(use_true_random=False),
    st.lists(TEXTS, min_size=1, max_size=3),
)
def test_what_was_changed_reads_so_and_every_other_byte_stays(
    bodies: list[dict[str, Any]], chance: random.Random, fresh: list[str]
) -> None:
    index = chance.randrange(len(bodies))
    written: list[Chunk] = [(chance.choice(["", "\ufeff"]), None)]
    for number, body in enumerate(bodies):
        written.append(("---\n" if number else "", None))
        # Of the other documents no place is one that is looked for.
        written += [(text, way if number == index else None) for text, way in block(body, (), 0, chance)]
    if chance.random() < 0.3:
        written = [(text.replace("\n", "\r\n"), way) for text, way in written]
    content = "".join(text for text, _ in written).encode()
    assert [one.value for one in read.read(content, path="f.yaml").items] == bodies
    known = [way for _, way in written if way is not None]
    changes = dict(zip(chance.sample(known, min(len(fresh), len(known))), fresh, strict=False))
    after = edit.replace(content, changes, path="f.yaml", document=index)
    wanted = deepcopy(bodies)
    for way, new in changes.items():
        put(wanted[index], way, new)
    assert [one.value for one in read.read(after, path="f.yaml").items] == wanted
    same = "".join(".*" if way in changes else re.escape(text) for text, way in written)
    assert re.fullmatch(same, after.decode(), re.DOTALL)


FILE = b"""\
# An application.
spec:
  sources:
  - {repoURL: https://x,   targetRevision: main}  # flow
  - targetRevision:   'v1'   # quoted
    kustomize:
      images: [ "a=b:1", c=d:2 ]   # two
  last: v1
"""


def test_a_file_keeps_its_layout() -> None:
    digest = f"d:3@sha256:{'a' * 64}"
    after = edit.replace(
        FILE,
        {
            ("spec", "sources", 0, "targetRevision"): "1.20",
            ("spec", "sources", 1, "targetRevision"): "it's",
            ("spec", "sources", 1, "kustomize", "images", 1): f"c={digest}",
        },
        path="f.yaml",
    )
    assert after == (
        FILE.replace(b"main}", b'"1.20"}')
        .replace(b"'v1'", b"'it''s'")
        .replace(b"c=d:2", f"c={digest}".encode())
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a: &x one\nb: *x\n", "a is no string of its own"),
        (b"c: &x {a: one}\na: two\nb: *x\n", ""),
        (b"a: |\n  one\n", "a cannot be changed as it is written"),
        (b"a: !!str one\n", "a cannot be changed as it is written"),
        (b"a: 1\n", "a is no string"),
        (b"b: one\n", "a is no string of its own"),
        (b"b: {a: one}\n", "a is no string of its own"),
        (b"<<: {a: one}\n", "a is no string of its own"),
        (b"a: [\n", "not valid YAML"),
    ],
)
def test_what_cannot_be_changed_alone_is_refused(content: bytes, text: str) -> None:
    if not text:
        assert edit.replace(content, {("a",): "three"}, path="f.yaml") == content.replace(b"two", b"three")
        return
    with pytest.raises(DocumentError) as caught:
        edit.replace(content, {("a",): "three"}, path="f.yaml")
    assert text in caught.value.text


def test_documents_that_hold_nothing_are_not_counted() -> None:
    content = b"---\n# nothing\n---\na: one\n---\na: two\n"
    assert edit.replace(content, {("a",): "new"}, path="f.yaml", document=1) == content.replace(
        b"two", b"new"
    )
