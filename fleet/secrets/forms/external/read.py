"""A manifest -> the ExternalSecret that it is. Contract: pure; what is wrong is a SecretRefused that names the field."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import orjson

from fleet import duration
from fleet.model import ObjectRef
from fleet.secrets import body
from fleet.secrets.fields import PASS, Node
from fleet.secrets.forms.external import target
from fleet.secrets.forms.external.spec import GROUP, KIND, VERSIONS, Decoding, External, Item, Refresh, Remote
from fleet.secrets.stores.store import CLUSTER_STORE, STORE, StoreRef

if TYPE_CHECKING:
    from fleet.model import Manifest

_SPEC: Final = {"syncWindows": "says when values may be read, which the hub does not keep"}
_FROM: Final = {
    "find": "looks for whatever a store holds, and the hub reads what is named",
    "rewrite": "makes other keys, which the hub does not",
}
_GENERATOR: Final = {"generatorRef": "makes values anew, which the hub does not"}
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_VERSION: Final = re.compile(r"[0-9]{1,9}")
_LONGEST: Final = 253


def secret_ref(manifest: Manifest) -> ObjectRef:
    """The Secret that an ExternalSecret's manifest becomes; what does not read is told by ``read``."""
    ref = manifest.ref
    found = orjson.loads(manifest.body)
    for name in ("spec", "target", "name"):
        found = found.get(name) if isinstance(found, dict) else None
    given = isinstance(found, str) and _named(found)
    return ObjectRef("", "Secret", ref.namespace, str(found) if given else _own(manifest))


def read(manifest: Manifest) -> External:
    """Read an ExternalSecret's manifest. Raises SecretRefused."""
    ref = manifest.ref
    root = Node(ref, f"{KIND} {ref.namespace}/{_own(manifest)}", "", orjson.loads(manifest.body))
    if root.text("apiVersion") not in {f"{GROUP}/{version}" for version in VERSIONS}:
        raise root.refused("apiVersion", f"must be {GROUP}/{VERSIONS[0]}")
    root.only(("apiVersion", "kind", "metadata", "spec", "status"))
    spec = root.below("spec")
    spec.only(("secretStoreRef", "target", "refreshPolicy", "refreshInterval", "data", "dataFrom"), _SPEC)
    name = spec.below("target").text("name")
    if name and not _named(name):
        raise spec.below("target").refused("name", "is no name of a Secret")
    general = _store(spec, "secretStoreRef")
    items = (
        *(_extract(node, general) for node in spec.items("dataFrom")),
        *(_item(node, general) for node in spec.items("data")),
    )
    if not items:
        raise spec.refused("data", "or dataFrom is needed")
    keys = [item.key for item in items if item.key]
    if len(keys) != len(set(keys)):
        raise spec.refused("data", "gives one secretKey twice")
    refresh, interval = _refresh(spec)
    return External(root.title, ref.namespace, items, target.read(root), refresh, interval)


def _own(manifest: Manifest) -> str:
    """The ExternalSecret's own name, whatever ref its manifest has by now."""
    metadata = orjson.loads(manifest.body).get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) and name else manifest.ref.name


def _named(name: str) -> bool:
    return len(name) <= _LONGEST and _NAME.fullmatch(name) is not None


def _store(node: Node, name: str) -> StoreRef | None:
    if not node.has(name):
        return None
    found = node.below(name)
    found.only(("name", "kind"))
    return StoreRef(found.choice("kind", (STORE, CLUSTER_STORE), STORE), found.needed("name"))


def _source(node: Node, general: StoreRef | None) -> StoreRef:
    source = node.below("sourceRef")
    source.only(("storeRef",), _GENERATOR)
    store = _store(source, "storeRef") or general
    if store is None:
        raise node.refused("sourceRef.storeRef", "is needed where spec.secretStoreRef is not given")
    return store


def _item(node: Node, general: StoreRef | None) -> Item:
    node.only(("secretKey", "remoteRef", "sourceRef"))
    key = node.needed("secretKey")
    if not body.is_key(key):
        raise node.refused("secretKey", "is no key of a Secret: those have letters, digits and . _ -")
    return Item(node.at("remoteRef"), key, _source(node, general), _remote(node.below("remoteRef")))


def _extract(node: Node, general: StoreRef | None) -> Item:
    node.only(("extract", "sourceRef"), _FROM)
    store = _source(node, general)
    return Item(node.at("extract"), "", store, _remote(node.below("extract")))


def _remote(node: Node) -> Remote:
    node.only(
        (
            "key", "property", "version", "metadataPolicy", "conversionStrategy", "decodingStrategy", "nullBytePolicy",
        )
    )  # fmt: skip
    version = node.text("version")
    if version and not _VERSION.fullmatch(version):
        raise node.refused("version", "must be a number: the hub reads versions of KV 2")
    metadata = node.choice("metadataPolicy", ("None", "Fetch"), "None") == "Fetch"
    if version and metadata:
        raise node.refused("version", "says nothing where metadataPolicy is Fetch")
    return Remote(
        node.needed("key"),
        node.text("property"),
        int(version or 0) or None,
        metadata,
        Decoding(node.choice("decodingStrategy", tuple(Decoding), Decoding.NONE)),
        node.choice("conversionStrategy", ("Default", "Unicode"), "Default") == "Unicode",
        node.choice("nullBytePolicy", ("Ignore", "Fail"), "Ignore") == "Fail",
    )


def _refresh(spec: Node) -> tuple[Refresh, float]:
    policy = Refresh(spec.choice("refreshPolicy", tuple(Refresh), Refresh.PERIODIC))
    given = spec.held.get("refreshInterval")
    text = "0s" if given == 0 and not isinstance(given, bool) else spec.text("refreshInterval", "1h")
    try:
        interval = 0.0 if text == "0" else duration.parse(text)
    except ValueError as error:
        raise spec.refused("refreshInterval", f"{error}; or {PASS}") from None
    # The operator's own word for reading once, from before there was a policy.
    if policy is Refresh.PERIODIC and not interval:
        policy = Refresh.CREATED_ONCE
    return policy, interval
