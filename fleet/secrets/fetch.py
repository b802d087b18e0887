"""What is kept elsewhere -> its version, and the Secret in clear: ExternalSecrets and placeholders.

Contract: what is read is handed out and forgotten. Which version there is costs no read of data, where a store has
versions; equal questions of many targets are one. Stores come from the render, else from the hub; what of them may be
read, and as whom, Projects say. A source is gone only where its newest version is: a version that is asked for by its
number and is not there is an error, whatever the policy. Raises FleetError, in words without content.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from fleet import names
from fleet.errors import FleetError, NotFound
from fleet.facts import Expansion, FactMissing
from fleet.secrets import allow, number
from fleet.secrets.forms import external, placeholders
from fleet.secrets.forms.external import Deletion, Refresh
from fleet.secrets.forms.external.spec import KIND
from fleet.secrets.refused import SecretRefused
from fleet.secrets.stores import read as stores
from fleet.secrets.stores.store import STORE, KubernetesStore
from fleet.secrets.vault.failure import (
    VaultPathMissing,
    VaultVersionDeleted,
    VaultVersionDestroyed,
    too_deep,
)
from fleet.secrets.vault.history import State
from fleet.secrets.version import Stamped
from fleet.secrets.want import ValueMissing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from fleet.model import Manifest, VaultFence
    from fleet.secrets.stores.store import Declared, StoreRef
    from fleet.secrets.vault.address import KvPath, Login
    from fleet.secrets.vault.vault import Vault
    from fleet.secrets.version import Place
    from fleet.secrets.want import Want

    # A store of the hub by kind, namespace and name; version and data (base64) of a Secret of the hub.
    StoreOf = Callable[[str, str, str], Mapping[str, Any] | None]
    SourceOf = Callable[[str, str], Awaitable[tuple[str, Mapping[str, Any]]]]

LEAST: Final = 1.0  # seconds between two looks, whatever an ExternalSecret says
_ENDED: Final = (VaultPathMissing, VaultVersionDeleted, VaultVersionDestroyed)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a manifest wants read, and how it is put together."""

    wants: tuple[Want, ...]
    make: Callable[[Mapping[Want, Mapping[str, Any]]], bytes]
    interval: float
    refresh: Refresh = Refresh.PERIODIC
    deletion: Deletion = Deletion.RETAIN


@dataclass(frozen=True, slots=True)
class _Seen:
    """One source as it is now; ``missing`` says what is wrong where it holds nothing, ``numbered`` whether by number."""

    source: str
    version: str
    word: str
    missing: str = ""
    numbered: bool = False
    until: float | None = None
    note: str = ""


class Fetching:
    """See the module. ``interval`` is how often a placeholder's version is looked at, in seconds."""

    def __init__(self, vault: Vault, store_of: StoreOf, source_of: SourceOf, interval: float) -> None:
        self._vault = vault
        self._store_of = store_of
        self._source_of = source_of
        self._interval = interval

    async def stamp(self, manifest: Manifest, place: Place, *, fresh: bool = False) -> Stamped:
        """Which version of its sources a manifest stands for; ``fresh``: whatever was learned a moment ago."""
        reading = self._reading(manifest, place)
        if reading.refresh is not Refresh.PERIODIC:
            return Stamped(names.ONCE if reading.refresh is Refresh.CREATED_ONCE else "")
        within = 0.0 if fresh else reading.interval
        unique = tuple(dict.fromkeys(reading.wants))
        seen = await asyncio.gather(*(self._seen(want, place, within) for want in unique))
        missing = [one.missing for one in seen if one.missing]
        stays = [one.missing for one in seen if one.missing and one.numbered]
        if reading.deletion is Deletion.RETAIN:
            stays = missing
        if stays:
            raise _missing(manifest, stays[0])
        untils = [one.until for one in seen if one.until is not None]
        # A CreatedOnce-like refresh of a Periodic one is written as an interval of nothing.
        text = "\n".join(one.word for one in seen) if reading.interval else names.ONCE
        return Stamped(
            text,
            gone=len(missing) == len(seen) and reading.deletion is Deletion.DELETE,
            interval=reading.interval,
            until=min(untils, default=None),
            sources=tuple((one.source, one.version) for one in seen),
            notes=tuple(dict.fromkeys(one.note for one in seen if one.note)),
        )

    async def read(self, manifest: Manifest, place: Place) -> Callable[[], bytes]:
        """Read what a Secret is made of; what comes makes its manifest in clear, as JSON, and blocks meanwhile."""
        reading = self._reading(manifest, place)
        unique = tuple(dict.fromkeys(reading.wants))
        found = await asyncio.gather(*(self._read(manifest, want, place) for want in unique))
        values = {want: data for want, data in zip(unique, found, strict=True) if data is not None}
        return lambda: reading.make(values)

    # --- inside -------------------------------------------------------------------------------------------

    def _reading(self, manifest: Manifest, place: Place) -> _Reading:
        try:
            return self._read_form(manifest, place)
        except FactMissing as error:
            raise SecretRefused(error.text, ref=manifest.ref, field=error.field) from None

    def _read_form(self, manifest: Manifest, place: Place) -> _Reading:
        ref = manifest.ref
        if manifest.form != KIND:
            held = placeholders.read(manifest)
            asked = placeholders.wants(held, place.facts)
            return _Reading(asked, lambda values: placeholders.make(held, ref, asked, values), self._interval)
        given = external.read(manifest)
        wanted = external.wants(given, self._stores(given, manifest, place), place.facts)
        return _Reading(
            wanted,
            lambda values: external.make(given, ref, wanted, values),
            max(given.interval, LEAST) if given.interval else 0.0,
            given.refresh,
            given.target.deletion,
        )

    def _stores(self, given: external.External, manifest: Manifest, place: Place) -> dict[StoreRef, Declared]:
        """The stores that it names: beside it in its render, else on the hub."""
        near: dict[StoreRef, Declared] = {}
        for body in manifest.kept.stores:
            found = stores.read(orjson.loads(body), place.application.namespace)
            near.setdefault(found.ref, found)
        for ref in {item.store for item in given.items} - near.keys():
            namespace = place.application.namespace if ref.kind == STORE else ""
            kept = self._store_of(ref.kind, namespace, ref.name)
            if kept is not None:
                near[ref] = stores.read(kept, place.application.namespace)
        return near

    async def _seen(self, want: Want, place: Place, within: float) -> _Seen:
        if isinstance(want.store, KubernetesStore):
            return await self._seen_source(want.store.namespace, str(want.path))
        login, path = self._login(want, place), _path(want)
        asked = _number(want, path, place)
        found = await self._vault.version(login, path, interval=within, number=asked)
        version = str(found.number) if found.number else ""
        told = f"{found.number} {found.made} {found.state.value} {found.content}"
        word = f"{login.server} {login.namespace} {path} {told}"
        if want.metadata and found.state is State.LIVE:
            word += f" {_digest(login, path, await self._vault.metadata(login, path))}"
        missing = ""
        if found.state is not State.LIVE:
            missing = f"Vault {login.server}: {path}{_ended(asked or found.number, found.state)}"
        note = found.blind
        if not want.version and asked:
            note = f"held at version {asked} by the annotation fleethub.dev/pin"
            missing = missing and f"{missing}; it is {note}: pin another version, or unpin it"
        return _Seen(str(path), version, word, missing, bool(asked), found.until, note)

    async def _seen_source(self, namespace: str, name: str) -> _Seen:
        source = f"Secret {namespace}/{name}"
        try:
            version, _ = await self._source_of(namespace, name)
        except NotFound:
            return _Seen(source, "", f"{source} missing", f"{source} of the hub does not exist")
        return _Seen(source, version, f"{source} {version}")

    async def _read(self, manifest: Manifest, want: Want, place: Place) -> Mapping[str, Any] | None:
        if isinstance(want.store, KubernetesStore):
            try:
                _, data = await self._source_of(want.store.namespace, str(want.path))
            except NotFound:
                return None
            return {key: base64.b64decode(value) for key, value in data.items()}
        login, path = self._login(want, place), _path(want)
        asked = _number(want, path, place)
        try:
            if want.metadata:
                return await self._vault.metadata(login, path)
            return await self._vault.read(login, path, asked)
        except _ENDED as error:
            if asked is None:
                return None
            text = error.text
        raise _missing(manifest, text)

    def _login(self, want: Want, place: Place) -> Login:
        fences = tuple(_expanded(fence, place) for fence in place.walls.vaults)
        return allow.login(want, fences, place.walls.vault_account)


def _expanded(fence: VaultFence, place: Place) -> VaultFence:
    """The rules with the facts of the cluster filled in."""
    expansion = Expansion(place.facts)
    where = f"Project {fence.project}: spec.vault.allow"
    rules = []
    for rule in fence.rules:
        try:
            rules.append(
                replace(
                    rule,
                    namespace=expansion.text(rule.namespace, where),
                    mount=expansion.text(rule.mount, where),
                    role=expansion.text(rule.role, where),
                    paths=tuple(expansion.text(path, where) for path in rule.paths),
                )
            )
        except FleetError:
            continue  # it is for clusters that have the fact
    return replace(fence, rules=tuple(rules))


def _path(want: Want) -> KvPath:
    if isinstance(want.path, str):
        raise TypeError("a path of Vault is a KvPath")
    return want.path


def _number(want: Want, path: KvPath, place: Place) -> int | None:
    """The version that is asked for, by the manifest or by a pin; None for the newest. KV version 1 has no others."""
    return (want.version or place.pins.get(str(path))) if path.engine != 1 else None


def _ended(version: int, state: State) -> str:
    named = f": version {version}" if version else ""
    return f"{named} is {state.value}" if state is not State.GONE else f"{named} does not exist"


def _missing(manifest: Manifest, text: str) -> ValueMissing:
    return ValueMissing(f"{_title(manifest)}: {text}; what is live stays", ref=manifest.ref)


def _title(manifest: Manifest) -> str:
    kind = manifest.form if manifest.form == KIND else "Secret"
    return f"{kind} {manifest.ref.namespace}/{manifest.ref.name}"


def _digest(login: Login, path: KvPath, told: Mapping[str, Any]) -> str:
    try:
        return hashlib.sha256(number.canonical(told)).hexdigest()
    except number.TooDeep:
        raise too_deep(login.server, path) from None
