"""Which of a ring's keys opens what, and what finding that costs."""

from __future__ import annotations

import functools

from fleet.secrets import keys, seal
from fleet.secrets.keyring import Keyring


@functools.cache
def key(number: int) -> keys.SealingKey:
    """A key; those of a higher number are newer."""
    made = keys.make("prod", "fleethub", 1_000_000.0 + number, 2048)
    return keys.read({**made, "metadata": {**made["metadata"], "name": f"key-{number}"}})


def ring() -> Keyring:
    found = Keyring()
    for number in range(4):
        found.put(key(number))
    return found


def values(number: int, count: int, place: bytes) -> list[bytes]:
    public = key(number).private.public_key()
    return [seal.parse(seal.seal(public, place, b"clear")) for _ in range(count)]


def test_what_an_older_key_sealed_is_searched_once_and_not_for_each_value() -> None:
    found, place = ring(), b"shop/db"
    blobs = values(0, 10, place)
    for blob in blobs:
        assert found.open(["prod"], place, blob) == b"clear"
    assert found.operations == 4 + 9


def test_the_key_that_opened_a_value_counts_before_the_one_of_its_neighbour() -> None:
    found, place = ring(), b"shop/db"
    (old,), (new,) = values(0, 1, place), values(3, 1, place)
    for blob in (old, new):
        assert found.open(["prod"], place, blob) == b"clear"
    before = found.operations
    for blob in (old, new, old, new):
        assert found.open(["prod"], place, blob) == b"clear"
    assert found.operations == before + 4


def test_a_key_that_is_gone_opens_nothing_though_it_is_remembered() -> None:
    found, place = ring(), b"shop/db"
    (blob,) = values(0, 1, place)
    assert found.open(["prod"], place, blob) == b"clear"
    found.drop("key-0")
    assert found.open(["prod"], place, blob) is None
    assert found.rings() == ("prod",)
    assert [one.secret for one in found.all("prod")] == ["key-3", "key-2", "key-1"]
