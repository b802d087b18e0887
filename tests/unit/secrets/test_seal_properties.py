"""Sealing, for whatever is sealed: it opens at its place with its key, and nowhere else."""

from __future__ import annotations

import base64
import functools
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fleet.cli.seal import making
from fleet.errors import FleetError
from fleet.model import Manifest, ObjectRef, Origin
from fleet.secrets import keys, seal
from fleet.secrets.forms.sealed import KIND
from fleet.secrets.keyring import Keyring
from fleet.secrets.seal import CLUSTER_WIDE, NAMESPACE_WIDE, Scope, SealBroken
from fleet.secrets.unseal import SealClosed, unseal

RINGS = ("prod", "dev")
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
NAMES = st.text(LETTERS, min_size=1, max_size=63)
KEYS = st.text(LETTERS + "-_.", min_size=1, max_size=40)
SCOPES = st.sampled_from(list(Scope))
VALUES = st.binary(max_size=200)
# A value that is its own name in a refusal: nothing that hypothesis makes is in a text by chance.
CANARY = b"canary-" + b"0123456789abcdef" * 2

each = settings(deadline=None)


@functools.cache
def key(ring: str) -> keys.SealingKey:
    """The key of a ring; made once, since that is what takes long."""
    made = keys.make(ring, "fleethub", 1_000_000.0, 2048)
    return keys.read({**made, "metadata": {**made["metadata"], "name": f"key-{ring}"}})


def public(ring: str) -> rsa.RSAPublicKey:
    return key(ring).private.public_key()


@functools.cache
def keyring() -> Keyring:
    """The keys of the hub, by ring."""
    found = Keyring()
    for ring in RINGS:
        found.put(key(ring))
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """Where a Secret is to be."""

    namespace: str
    name: str


PLACES = st.builds(Place, NAMES, NAMES)


def sealed(
    place: Place, values: dict[str, bytes], scope: Scope = Scope.STRICT, ring: str = "prod"
) -> dict[str, Any]:
    secret = {"kind": "Secret", "metadata": {"name": place.name, "namespace": place.namespace}}
    return making.sealed(secret, values, scope, public(ring))


def opened(body: dict[str, Any], place: Place, cluster: str = "prod") -> dict[str, bytes]:
    """What the hub makes of it at a place on a cluster, which is called as the one ring that serves it."""
    ref = ObjectRef("", "Secret", place.namespace, place.name)
    manifest = Manifest(ref, "v1", orjson.dumps(body), Origin("a.yaml", 0), form=KIND)
    rings = (cluster,) if cluster in RINGS else ()
    made = orjson.loads(unseal(manifest, cluster, rings, keyring()))
    assert made["metadata"]["name"] == place.name
    assert made["metadata"]["namespace"] == place.namespace
    return {name: base64.b64decode(value) for name, value in made["data"].items()}


def refused(body: dict[str, Any], place: Place, cluster: str = "prod") -> FleetError:
    """How it is refused there: by name and field, without content, and with no other error behind it."""
    with pytest.raises((SealClosed, SealBroken)) as caught:
        opened(body, place, cluster)
    error = caught.value
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    for text in (error.text, str(error), repr(error), str(error.field)):
        assert CANARY.decode() not in text
        assert base64.b64encode(CANARY).decode() not in text
    assert place.name in error.text
    return error


def scoped(scope: Scope, there: Place, here: Place) -> bool:
    """Whether what is sealed for ``there`` is meant to open ``here``."""
    return seal.label(scope, there.namespace, there.name) == seal.label(scope, here.namespace, here.name)


@each
@given(SCOPES, PLACES, st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
@example(Scope.STRICT, Place("a", "b"), {"empty": b""})
@example(Scope.CLUSTER, Place("a", "b"), {"binary": bytes(range(256)), "large": bytes(1_000_000)})
@example(Scope.NAMESPACE, Place("n" * 63, "s" * 253), {"k": b"-----BEGIN X-----\r\n\x00"})
def test_what_is_sealed_opens_at_its_place_as_it_was(
    scope: Scope, place: Place, values: dict[str, bytes]
) -> None:
    assert opened(sealed(place, values, scope), place) == values


@each
@given(SCOPES, PLACES, PLACES)
@example(Scope.STRICT, Place("a", "b"), Place("a", "c"))
@example(Scope.STRICT, Place("a", "b"), Place("c", "b"))
@example(Scope.NAMESPACE, Place("a", "b"), Place("a", "c"))
@example(Scope.NAMESPACE, Place("a", "b"), Place("c", "b"))
@example(Scope.CLUSTER, Place("a", "b"), Place("c", "d"))
def test_it_opens_exactly_where_its_scope_reaches(scope: Scope, there: Place, here: Place) -> None:
    body = sealed(there, {"k": CANARY}, scope)
    if scoped(scope, there, here):
        assert opened(body, here) == {"k": CANARY}
    else:
        assert isinstance(refused(body, here), SealClosed)


@each
@given(SCOPES, SCOPES, PLACES)
def test_an_annotation_does_not_widen_what_was_sealed(was: Scope, said: Scope, place: Place) -> None:
    body = sealed(place, {"k": CANARY}, was)
    marks = {Scope.NAMESPACE: {NAMESPACE_WIDE: "true"}, Scope.CLUSTER: {CLUSTER_WIDE: "true"}}
    body["metadata"]["annotations"] = marks.get(said, {})
    if was is said:
        assert opened(body, place) == {"k": CANARY}
    else:
        assert isinstance(refused(body, place), SealClosed)


@each
@given(SCOPES, PLACES, st.sampled_from(["dev", "of-no-ring"]))
def test_a_cluster_that_its_ring_does_not_serve_opens_it_in_no_scope(
    scope: Scope, place: Place, cluster: str
) -> None:
    error = refused(sealed(place, {"k": CANARY}, scope), place, cluster)
    assert isinstance(error, SealClosed)
    assert cluster in error.text


@each
@given(PLACES, st.data())
def test_a_value_that_is_cut_anywhere_is_refused(place: Place, data: st.DataObject) -> None:
    body = sealed(place, {"k": CANARY})
    blob = base64.b64decode(body["spec"]["encryptedData"]["k"])
    length = data.draw(st.integers(0, len(blob) - 1))
    body["spec"]["encryptedData"]["k"] = base64.b64encode(blob[:length]).decode()
    refused(body, place)


@each
@given(PLACES, st.integers(0, 100_000))
@example(Place("a", "b"), 0)  # of the key's length
@example(Place("a", "b"), 16)  # of the key
@example(Place("a", "b"), -1)  # of the tag
def test_a_value_with_one_bit_turned_over_is_refused(place: Place, bit: int) -> None:
    body = sealed(place, {"k": CANARY})
    blob = bytearray(base64.b64decode(body["spec"]["encryptedData"]["k"]))
    at = bit % (8 * len(blob))
    blob[at // 8] ^= 0x80 >> (at % 8)
    body["spec"]["encryptedData"]["k"] = base64.b64encode(blob).decode()
    refused(body, place)


@each
@given(
    PLACES, st.text(max_size=600) | st.binary(max_size=600).map(lambda raw: base64.b64encode(raw).decode())
)
def test_whatever_stands_for_a_sealed_value_is_refused_in_order(place: Place, text: str) -> None:
    body = sealed(place, {"k": CANARY})
    body["spec"]["encryptedData"]["k"] = text
    refused(body, place)


@each
@given(PLACES, st.integers(1, 5))
def test_line_breaks_in_the_base64_change_nothing(place: Place, every: int) -> None:
    body = sealed(place, {"k": CANARY})
    text = body["spec"]["encryptedData"]["k"]
    body["spec"]["encryptedData"]["k"] = "\r\n".join(
        text[at : at + every * 16] for at in range(0, len(text), every * 16)
    )
    assert opened(body, place) == {"k": CANARY}


@each
@given(PLACES, VALUES)
def test_no_two_seals_of_a_value_are_alike(place: Place, value: bytes) -> None:
    at = seal.label(Scope.STRICT, place.namespace, place.name)
    assert seal.seal(public("prod"), at, value) != seal.seal(public("prod"), at, value)


@each
@given(PLACES, PLACES)
def test_merging_into_a_sealed_secret_leaves_its_other_values_and_its_scope(
    there: Place, here: Place
) -> None:
    for scope in Scope:
        before = sealed(there, {"a": b"1", "b": b"2"}, scope)
        after = making.merged(before, {"b": b"3", "c": b"4"}, public("prod"))
        assert after["spec"]["encryptedData"]["a"] == before["spec"]["encryptedData"]["a"]
        assert after["spec"]["template"] == before["spec"]["template"]
        assert opened(after, there) == {"a": b"1", "b": b"3", "c": b"4"}
        if not scoped(scope, there, here):
            refused(after, here)


def test_a_key_shows_its_private_half_to_nobody_who_prints_it() -> None:
    assert "PRIVATE" not in repr(key("prod"))
    assert "RSAPrivateKey" not in repr(key("prod"))
