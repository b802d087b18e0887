"""An ExternalSecret, its stores and the facts of a cluster -> what must be read.

Contract: pure. Facts are filled in first, then the result is checked as if it had been written so. Errors name the
ExternalSecret and the field; those of a store's fields name the store besides.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fleet.errors import FleetError
from fleet.facts import Expansion, Facts
from fleet.secrets import segments
from fleet.secrets.fields import PASS
from fleet.secrets.refused import SecretRefused
from fleet.secrets.segments import PathRefused
from fleet.secrets.stores import conditions, paths
from fleet.secrets.stores.store import Declared, KubernetesStore, StoreRef, VaultStore
from fleet.secrets.want import Want

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.secrets.forms.external.spec import External, Item

_VERSIONED = 2


class StoreMissing(FleetError):
    """An ExternalSecret's store is nowhere declared."""

    reason = "StoreMissing"
    transient = True


def wants(
    external: External,
    stores: Mapping[StoreRef, Declared],
    facts: Facts,
    labels: Mapping[str, str] | None = None,
) -> tuple[Want, ...]:
    """What to read, one for each item of the ExternalSecret and in their order; equal ones are one read.

    ``labels`` are those of the namespace on the cluster, None where nobody knows them. Raises FleetError.
    """
    try:
        return tuple(_want(external, item, stores, Expansion(facts), labels) for item in external.items)
    except FleetError as error:
        named = f"{external.title}: {error.text}"
        failure = type(error)(named, ref=error.ref, field=error.field)
    raise failure


def _want(
    external: External,
    item: Item,
    stores: Mapping[StoreRef, Declared],
    expansion: Expansion,
    labels: Mapping[str, str] | None,
) -> Want:
    declared = stores.get(item.store)
    if declared is None:
        raise StoreMissing(
            f"{item.where}: there is no {item.store}: declare it in Git or on the hub, or {PASS}",
            field=item.where,
        )
    _serves(declared, external.namespace, labels, item.where)
    where = f"{item.where}.key"
    key = expansion.text(item.remote.key, where)
    if isinstance(declared.provider, KubernetesStore):
        return _of_hub(declared.provider, item, key, where)
    store = _expanded(declared.provider, declared.ref, expansion)
    if store.engine != _VERSIONED and (item.remote.version or item.remote.metadata):
        asked = "version" if item.remote.version else "metadataPolicy"
        raise _refused(f"{item.where}.{asked}", f"KV version 1, which {declared.ref} is, has none")
    place = paths.locate(store.mount, store.engine, key, where)
    return Want(store, place, item.remote.version, item.remote.metadata)


def _serves(declared: Declared, namespace: str, labels: Mapping[str, str] | None, where: str) -> None:
    served = conditions.serves(declared.conditions, namespace, labels)
    if served is None:
        raise _refused(
            where,
            f"{declared.ref} serves namespaces by their labels (spec.conditions, namespaceSelector), which the hub does "
            f"not know: name namespaces, or {PASS}",
        )
    if not served:
        raise _refused(where, f"{declared.ref} does not serve namespace {namespace}: see its spec.conditions")


def _of_hub(store: KubernetesStore, item: Item, key: str, where: str) -> Want:
    asked = {
        "version": item.remote.version is not None,
        "metadataPolicy": item.remote.metadata,
        "property": bool(item.remote.property) and not item.key,
    }
    for name, given in asked.items():
        if given:
            raise _refused(f"{item.where}.{name}", f"is not read of the provider kubernetes: {PASS}")
    return Want(store, segments.name(key, where))


def _expanded(store: VaultStore, ref: StoreRef, expansion: Expansion) -> VaultStore:
    """The store with its facts filled in, and what came of it checked."""
    above = f"{ref}: spec.provider.vault"

    def filled(text: str, name: str) -> str:
        return expansion.text(text, f"{above}.{name}")

    namespace = segments.namespace(filled(store.namespace, "namespace"), f"{above}.namespace")
    login = segments.namespace(filled(store.auth_namespace, "auth.namespace"), f"{above}.auth.namespace")
    if login not in ("", namespace):
        raise PathRefused(
            f"{above}.auth.namespace: the hub logs in where it reads, in namespace {namespace or 'root'}: {PASS}",
            field=f"{above}.auth.namespace",
        )
    mount = filled(store.mount, "path")
    return replace(
        store,
        namespace=namespace,
        auth_namespace="",
        mount=segments.path(mount, f"{above}.path") if mount else "",
        auth_mount=segments.path(filled(store.auth_mount, "auth"), f"{above}.auth"),
        role=segments.name(filled(store.role, "auth"), f"{above}.auth"),
    )


def _refused(where: str, text: str) -> SecretRefused:
    return SecretRefused(f"{where}: {text}", field=where)
