"""What is kept elsewhere: which version stands for it, when it counts as gone, and where it is put together."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from fleet.clock import Clock
from fleet.facts import Facts
from fleet.model import (
    ApplicationKey,
    Kept,
    Manifest,
    ObjectRef,
    Origin,
    VaultFence,
    VaultRule,
    Walls,
)
from fleet.secrets import forms
from fleet.secrets.fetch import Fetching
from fleet.secrets.keyring import Keyring
from fleet.secrets.resolve import Resolving
from fleet.secrets.vault import answers
from fleet.secrets.vault.address import KvPath, Login, Method
from fleet.secrets.vault.failure import Refusal, VaultError
from fleet.secrets.vault.question import Verb
from fleet.secrets.vault.vault import Vault
from fleet.secrets.version import Place, pins
from fleet.secrets.want import ValueMissing
from tests.stage.api import until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from fleet.secrets.vault.question import Question

SERVER = "https://vault.example"
WALLS = Walls(
    vaults=(VaultFence("p", (VaultRule(SERVER, "", "JWT", "jwt", "shop", ("secret/shop/*",)),)),),
    vault_account="shop",
)
LOGIN = Login(SERVER, "", Method.JWT, "jwt", "shop")
AUTH = {"jwt": {"role": "shop", "kubernetesServiceAccountToken": {}}}


class Store:
    """Vault as a test says: the versions of a path, 13 the newest, of which it keeps ten; 5 is destroyed."""

    def __init__(self) -> None:
        self.versions: dict[int, dict[str, Any]] = {
            number: {"created_time": f"t{number}", "deletion_time": "", "destroyed": number == 5}
            for number in range(4, 14)
        }
        self.told: dict[str, Any] = {}
        self.data: dict[str, Any] = {}
        self.forbidden = False  # to read metadata

    async def ask(self, login: Login, token: str, question: Question) -> Mapping[str, Any]:  # noqa: ARG002
        match question.verb:
            case Verb.LOGIN:
                return {"auth": {"client_token": "t", "lease_duration": 36000}}
            case Verb.MOUNT:
                return {"data": {"type": "kv", "path": "secret/", "options": {"version": "2"}}}
            case Verb.METADATA if self.forbidden:
                raise answers.error(login, question, Refusal(403))
            case Verb.METADATA:
                current = max(self.versions, default=0)
                return {"data": {"current_version": current, "versions": self._versions(), **self.told}}
        number = question.number or max(self.versions, default=0)
        kept = self.versions.get(number)
        if kept is None or kept["destroyed"]:
            body = {"data": {"metadata": {"version": number, "destroyed": True}}} if kept else {}
            raise answers.error(login, question, Refusal(404, body=body))
        if question.path is not None and question.path.engine == 1:
            return {"data": self.data}
        return {
            "data": {
                "data": self.data or {"p": f"v{number}"},
                "metadata": {"version": number, "deletion_time": ""},
            }
        }

    def _versions(self) -> dict[str, Any]:
        return {str(number): kept for number, kept in self.versions.items()}

    async def close(self) -> None:
        """Nothing is held."""


async def token(*_: str) -> str:
    return "jwt"


async def nobody(namespace: str, name: str) -> tuple[str, Mapping[str, Any]]:
    raise AssertionError(namespace, name)


def fetching(store: Store) -> Fetching:
    return Fetching(Vault(token, token, Clock(), door=store), lambda *_: None, nobody, 60.0)


def external(*items: dict[str, Any], policy: str = "Delete") -> Manifest:
    provider = {"vault": {"server": SERVER, "path": "secret", "auth": AUTH}}
    store = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "v", "namespace": "shop"},
        "spec": {"provider": provider},
    }
    data = [
        {"secretKey": f"k{number}", "remoteRef": {"key": "shop/db", "property": "p", **item}}
        for number, item in enumerate(items)
    ]
    body = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "db", "namespace": "shop"},
        "spec": {"secretStoreRef": {"name": "v"}, "target": {"deletionPolicy": policy}, "data": data},
    }
    ref = ObjectRef("", "Secret", "shop", "db")
    kept = Kept((orjson.dumps(store),))
    return Manifest(ref, "v1", orjson.dumps(body), Origin("x"), form="ExternalSecret", kept=kept)


def place(pinned: str = "") -> Place:
    return Place(ApplicationKey("fleethub", "app"), Facts("eu"), WALLS, pins(pinned))


@pytest.mark.parametrize("policy", ["Delete", "Merge", "Retain"])
@pytest.mark.parametrize(
    ("number", "why"), [(3, "does not exist"), (99, "does not exist"), (5, "is destroyed")]
)
async def test_a_version_that_is_pinned_and_not_there_removes_nothing(
    number: int, why: str, policy: str
) -> None:
    found = fetching(Store())
    at = place(f"secret/shop/db={number}")
    with pytest.raises(ValueMissing, match=f"version {number} {why}; it is held .*: pin another version"):
        await found.stamp(external({}, policy=policy), at)
    with pytest.raises(ValueMissing, match="what is live stays"):
        await found.read(external({}, policy=policy), at)


async def test_a_version_that_is_written_and_not_there_removes_nothing_of_the_secret() -> None:
    found = fetching(Store())
    manifest = external({"version": "3"}, {})
    with pytest.raises(ValueMissing, match="version 3 does not exist; what is live stays"):
        await found.stamp(manifest, place())
    with pytest.raises(ValueMissing, match="no version 3; what is live stays"):
        await found.read(manifest, place())


async def test_a_pin_keeps_the_secret_of_a_path_that_is_gone() -> None:
    store = Store()
    store.versions.clear()
    with pytest.raises(ValueMissing, match="what is live stays"):
        await fetching(store).stamp(external({}), place("secret/shop/db=7"))


async def test_the_newest_that_is_gone_takes_the_secret_along_where_its_policy_says_so() -> None:
    store = Store()
    found = fetching(store)
    assert not (await found.stamp(external({}), place())).gone
    store.versions.clear()
    assert (await found.stamp(external({}), place(), fresh=True)).gone


async def test_a_pin_holds_the_version_that_it_names() -> None:
    found = fetching(Store())
    stamped = await found.stamp(external({}), place("secret/shop/db=7"))
    assert stamped.sources == (("secret/shop/db", "7"),)
    made = orjson.loads((await found.read(external({}), place("secret/shop/db=7")))())
    assert made["data"] == {"k0": "djc="}


@pytest.mark.parametrize("custom", [{"n": 1 << 70}, {"n": "\ud800"}])
async def test_metadata_of_any_content_has_a_version(custom: dict[str, Any]) -> None:
    store = Store()
    found = fetching(store)
    manifest = external({"metadataPolicy": "Fetch", "property": "owner"})
    stamps = []
    for told in (custom, {"n": 1}):
        store.told = {"custom_metadata": told}
        stamps.append((await found.stamp(manifest, place(), fresh=True)).text)
    assert stamps[0] != stamps[1]


async def test_metadata_that_is_nested_too_deep_is_an_error_of_its_path() -> None:
    store = Store()
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    store.told = {"custom_metadata": {"x": deep}}
    with pytest.raises(VaultError, match=r"secret/shop/db: .* nested too deep"):
        await fetching(store).stamp(external({"metadataPolicy": "Fetch", "property": "x"}), place())


@pytest.mark.parametrize("engine", [1, 2])
async def test_data_that_is_nested_too_deep_is_an_error_of_its_path(engine: int) -> None:
    store = Store()
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    store.forbidden, store.data = engine == 2, {"p": deep}
    path = KvPath("secret", "shop/db", engine)
    vault = Vault(token, token, Clock(), door=store)
    with pytest.raises(VaultError, match=r"secret/shop/db: .* nested too deep"):
        await vault.version(LOGIN, path, interval=60.0)


PLACED = Manifest(
    ObjectRef("", "Secret", "shop", "db"),
    "v1",
    orjson.dumps(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "db", "namespace": "shop"},
            "stringData": {"k": "<path:secret/data/shop/db#p>"},
        }
    ),
    Origin("x"),
    form="Placeholders",
)


@pytest.mark.parametrize(("manifest", "form"), [(external({}), forms.external), (PLACED, forms.placeholders)])
async def test_the_loop_goes_on_while_a_secret_is_put_together(
    manifest: Manifest, form: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, went_on = threading.Event(), threading.Event()
    put_together = form.make

    def make(*arguments: Any) -> bytes:
        begun.set()
        assert went_on.wait(5), "nobody else has run"
        return bytes(put_together(*arguments))

    monkeypatch.setattr(form, "make", make)
    resolving = Resolving(Keyring(), lambda _: (), fetching(Store()))
    task = asyncio.ensure_future(resolving.clear(manifest, place()))
    try:
        await until(lambda: _true(begun.is_set()), what="it is being made")
        went_on.set()
        assert orjson.loads(await task)["data"] in ({"k0": "djEz"}, {"k": "djEz"})
    finally:
        await asyncio.gather(task, return_exceptions=True)
        resolving.close()


async def _true(found: bool) -> bool:  # noqa: FBT001 (a condition)
    return found
