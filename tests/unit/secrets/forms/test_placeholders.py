"""Placeholders of argocd-vault-plugin in Secrets: where they may stand, and what comes in their place."""

from __future__ import annotations

import base64
import traceback
import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.errors import FleetError
from fleet.facts import FactMissing, Facts
from fleet.model import Manifest, ObjectRef, Origin
from fleet.secrets.forms import placeholders
from fleet.secrets.refused import SecretRefused
from fleet.secrets.segments import PathRefused
from fleet.secrets.vault.address import KvPath
from fleet.secrets.want import ValueMissing, Want

CANARY = "cn4ry-s3cr3t"
REF = ObjectRef("", "Secret", "shop", "db")
FACTS = Facts("prod", {"evil": "../x"})
HOLE = "<path:secret/data/app#password>"


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def secret(annotations: dict[str, str] | None = None, **fields: Any) -> Manifest:
    metadata: dict[str, Any] = {"name": "db", "namespace": "shop"}
    if annotations:
        metadata["annotations"] = annotations
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **fields}
    return Manifest(REF, "v1", orjson.dumps(body), Origin("x.yaml"))


def made(manifest: Manifest, held: dict[str, dict[str, Any]]) -> dict[str, Any]:
    found = placeholders.read(manifest)
    wanted = placeholders.wants(found, FACTS)
    values = {want: held[str(want.path)] for want in wanted if str(want.path) in held}
    return dict(orjson.loads(placeholders.make(found, REF, wanted, values)))


def value(held: Any, **fields: Any) -> bytes:
    return base64.b64decode(made(secret(**fields), {"secret/app": held})["data"]["k"])


def test_the_secret_stays_what_it_is_but_for_its_values() -> None:
    manifest = secret(
        {"note": "x"}, type="my/type", immutable=True, stringData={"k": HOLE}, data={"plain": b64("p")}
    )
    assert made(manifest, {"secret/app": {"password": "v"}}) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": "shop", "annotations": {"note": "x"}},
        "type": "my/type",
        "immutable": True,
        "data": {"k": b64("v"), "plain": b64("p")},
    }


@pytest.mark.parametrize(
    ("fields", "held", "wanted"),
    [
        ({"stringData": {"k": HOLE}}, "v", b"v"),
        ({"stringData": {"k": f"db://user:{HOLE}@host/{HOLE}?x"}}, "v", b"db://user:v@host/v?x"),
        ({"stringData": {"k": f"a <b> {HOLE}"}}, "v", b"a <b> v"),
        ({"stringData": {"k": "<path:secret/data/app # password >"}}, "v", b"v"),
        ({"data": {"k": b64(HOLE)}}, "v", b"v"),
        ({"data": {"k": b64(b"\xff" + HOLE.encode())}}, "v", b"\xffv"),
        ({"data": {"k": "<path:secret/data/app#password | base64encode>"}}, "v", b"v"),
        ({"data": {"k": HOLE}}, b64("v"), b"v"),
        ({"stringData": {"k": "<path:secret/data/app#password|base64decode>"}}, b64(b"\xff"), b"\xff"),
        ({"stringData": {"k": "<path:secret/data/app#password|base64encode|base64decode>"}}, "v", b"v"),
        ({"stringData": {"k": HOLE}, "data": {"k": b64("other")}}, "v", b"v"),
        ({"stringData": {"k": HOLE}}, 7, b"7"),
        ({"stringData": {"k": HOLE}}, True, b"true"),
        ({"stringData": {"k": HOLE}}, HOLE, HOLE.encode()),
        ({"stringData": {"k": HOLE}}, "", b""),
    ],
)
def test_a_value_comes_in_the_place_of_its_placeholder(
    fields: dict[str, Any], held: Any, wanted: bytes
) -> None:
    assert value({"password": held}, **fields) == wanted


PLAIN = st.text("ab<>#|: \n", max_size=6).filter(lambda text: "<path:" not in text)


@given(PLAIN, st.binary(max_size=8).map(lambda raw: raw.decode("latin-1")), PLAIN, st.booleans())
def test_what_stands_around_a_placeholder_stays(before: str, held: str, after: str, encoded: bool) -> None:  # noqa: FBT001 (drawn)
    text = f"{before}{HOLE}{after}"
    fields: dict[str, Any] = {"data": {"k": b64(text)}} if encoded else {"stringData": {"k": text}}
    assert value({"password": held}, **fields) == f"{before}{held}{after}".encode()


def test_each_placeholder_wants_a_path_of_no_server() -> None:
    text = "<path:secret/data/{{ cluster.name }}/db#a#3> <path:kv/data/x#b> <path:kv/data/x#c#0>"
    found = placeholders.read(secret(stringData={"k": text}))
    assert placeholders.wants(found, FACTS) == (
        Want(None, KvPath("secret", "prod/db"), 3),
        Want(None, KvPath("kv", "x")),
        Want(None, KvPath("kv", "x")),
    )


def test_an_annotation_says_which_engine() -> None:
    found = placeholders.read(
        secret({"avp.kubernetes.io/kv-version": "1"}, stringData={"k": "<path:kv/data/x#b>"})
    )
    assert placeholders.wants(found, FACTS) == (Want(None, KvPath("kv", "data/x", 1)),)


@pytest.mark.parametrize(
    ("manifest", "wanted"),
    [
        (secret(stringData={"k": HOLE}), True),
        (secret(data={"k": b64(HOLE)}), True),
        (secret({"note": HOLE}), True),
        (secret(stringData={"k": "<path:half"}), True),
        (secret({"avp.kubernetes.io/path": "secret/data/x"}, stringData={"k": "<password>"}), True),
        (secret({"avp.kubernetes.io/ignore": "true"}, stringData={"k": HOLE}), False),
        (secret({"avp.kubernetes.io/ignore": "false"}, stringData={"k": HOLE}), True),
        (secret(stringData={"k": "<password>"}), False),
        (secret(data={"k": b64("plain"), "n": "no base64!"}), False),
        (secret(), False),
    ],
)
def test_a_secret_holds_placeholders_in_clear_or_in_base64(manifest: Manifest, wanted: bool) -> None:  # noqa: FBT001 (a column)
    assert placeholders.holds(manifest) is wanted


def test_other_kinds_hold_none_but_may_show_some() -> None:
    manifest = secret(stringData={"k": HOLE})
    other = Manifest(ObjectRef("", "ConfigMap", "shop", "x"), "v1", manifest.body, Origin("x"))
    assert not placeholders.holds(other)
    assert placeholders.present(other.body)
    assert not placeholders.present(b'{"description": "written as <path:something> or <key>"}')


@pytest.mark.parametrize(
    ("manifest", "field"),
    [
        (secret({"note": HOLE}), "metadata.annotations.note"),
        (secret(metadata={"name": "db", "labels": {HOLE: "x"}}), "metadata.labels.(a key)"),
        (secret(type=HOLE), "type"),
        (secret(metadata={"name": "db", "finalizers": [HOLE]}), "metadata.finalizers.0"),
        (secret(stringData={HOLE: "x"}), "stringData"),
        (secret(data={HOLE: "x"}), "data"),
        (secret(stringData={"k": "<path:secret/data/app>"}), "stringData.k"),
        (secret(stringData={"k": "<path:#k>"}), "stringData.k"),
        (secret(stringData={"k": "<path:secret/data/app#"}), "stringData.k"),
        (secret(stringData={"k": f"{HOLE} <path:secret/data/app>"}), "stringData.k"),
        (secret(data={"k": b64("<path:secret/data/app>")}), "data.k"),
        (secret(data={"k": "no base64!", "l": HOLE}), "data.k"),
        (secret(data={"k": b64(b"<path:\xff#a>")}), "data.k"),
        (secret(stringData={"k": "<path:secret/data/app#a#latest>"}), "stringData.k"),
        (secret(stringData={"k": 1, "l": HOLE}), "stringData.k"),
        *(
            (secret(stringData={"k": f"<path:secret/data/app#a|{modifier}>"}), "stringData.k")
            for modifier in ("jsonPath {.x}", "jsonParse", "yamlParse", "indent 2", "sha256sum", "")
        ),
        *(
            (secret({f"avp.kubernetes.io/{name}": "x"}, stringData={"k": HOLE}), f"metadata.annotations.avp.kubernetes.io/{name}")
            for name in ("path", "secret-version", "remove-missing", "unheard", "kv-version")
        ),
        (secret(type="bootstrap.kubernetes.io/token", stringData={"k": HOLE}), "type"),
    ],
)  # fmt: skip
def test_what_is_no_placeholder_of_a_value_is_told_by_its_field(manifest: Manifest, field: str) -> None:
    assert placeholders.holds(manifest)
    with pytest.raises(SecretRefused) as refused:
        placeholders.read(manifest)
    assert refused.value.field == field
    assert "Secret shop/db" in refused.value.text


def test_a_modifier_that_is_not_read_is_named() -> None:
    with pytest.raises(SecretRefused) as refused:
        placeholders.read(secret(stringData={"k": "<path:secret/data/app#a | jsonPath {.x}>"}))
    assert "'jsonPath'" in refused.value.text


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("<path:secret/app#k>", SecretRefused),
        ("<path:secret/app/data/x#k>", SecretRefused),
        ("<path:secret/data#k>", SecretRefused),
        ("<path:secret#k>", SecretRefused),
        ("<path:secret/data/../x#k>", PathRefused),
        ("<path:secret/data//x#k>", PathRefused),
        ("<path:/secret/data/x#k>", PathRefused),
        ("<path:secret/data/{{ cluster.labels.evil }}#k>", PathRefused),
        ("<path:secret/data/{{ cluster.labels.nothing }}#k>", FactMissing),
    ],
)
def test_a_path_that_leads_elsewhere_is_told(text: str, error: type[FleetError]) -> None:
    found = placeholders.read(secret(stringData={"k": text}))
    with pytest.raises(error) as refused:
        placeholders.wants(found, FACTS)
    assert refused.value.field == "stringData.k"
    assert refused.value.text.startswith("Secret shop/db: stringData.k: ")


def test_version_1_has_no_versions() -> None:
    found = placeholders.read(
        secret({"avp.kubernetes.io/kv-version": "1"}, stringData={"k": "<path:kv/x#b#2>"})
    )
    with pytest.raises(SecretRefused):
        placeholders.wants(found, FACTS)


@pytest.mark.parametrize(
    ("fields", "held"),
    [
        ({"stringData": {"k": HOLE}}, {"other": CANARY}),
        ({"stringData": {"k": HOLE}}, {"password": None, "other": CANARY}),
        ({"stringData": {"k": HOLE}}, {"password": {"x": CANARY}}),
        ({"stringData": {"k": HOLE}}, {"password": [CANARY]}),
        ({"stringData": {"k": HOLE}}, {"password": CANARY * 100_000}),
        ({"stringData": {"k": "<path:secret/data/app#password|base64decode>"}}, {"password": CANARY}),
        ({"data": {"k": HOLE}}, {"password": CANARY}),
        ({"data": {"k": f"{HOLE}!"}}, {"password": CANARY}),
    ],
)
def test_an_error_holds_nothing_that_was_read(fields: dict[str, Any], held: dict[str, Any]) -> None:
    with pytest.raises((SecretRefused, ValueMissing)) as failed:
        value(held, **fields)
    error: BaseException | None = failed.value
    assert CANARY not in "".join(traceback.format_exception(failed.value))
    while error is not None:
        assert CANARY not in repr(vars(error)) + str(error)
        error = error.__cause__ or error.__context__


def test_what_vault_does_not_have_is_missing() -> None:
    with pytest.raises(ValueMissing) as missing:
        made(secret(stringData={"k": HOLE}), {})
    assert missing.value.text == "Secret shop/db: stringData.k: there is nothing at secret/app"


def test_the_clear_parts_of_a_text_are_not_shown() -> None:
    assert CANARY not in repr(placeholders.read(secret(stringData={"k": f"{CANARY} {HOLE}", "l": CANARY})))


def test_a_placeholder_takes_few_modifiers() -> None:
    four, five = ("".join(["|base64encode"] * count) for count in (4, 5))
    found = placeholders.read(secret(stringData={"k": f"<path:secret/data/app#password{four}>"}))
    assert len(found.holes[0].modifiers) == 4
    with pytest.raises(SecretRefused, match=r"stringData.k.* uses 5 modifiers; a placeholder takes 4"):
        placeholders.read(secret(stringData={"k": f"<path:secret/data/app#password{five}>"}))


@pytest.mark.parametrize("spread", [True, False])
def test_what_is_too_large_is_refused_before_all_of_it_is_made(spread: bool) -> None:  # noqa: FBT001 (a parameter)
    texts = {f"k{number}": HOLE for number in range(200)} if spread else {"k": HOLE * 200}
    manifest, held = secret(stringData=texts), {"secret/app": {"password": CANARY * 80_000}}
    tracemalloc.start()
    with pytest.raises(SecretRefused, match="make several of it") as failed:
        made(manifest, held)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20
    assert CANARY not in "".join(traceback.format_exception(failed.value))
