"""What an app of apps may hold: the hub's own kinds, valid, and no ancestor of its own. Pure.

What is refused stays in the desired set as a Fault with its ref, so nothing is pruned for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson

from fleet import names
from fleet.api.parse import parse
from fleet.errors import InvalidObject
from fleet.model import ApplicationKey, Fault, Manifest, Rendered
from fleet.projects import hub_kinds

Parent = Callable[[ApplicationKey], ApplicationKey | None]
DEPTH = 64


def admitted(rendered: Rendered, root: ApplicationKey, namespace: str, parent: Parent) -> Rendered:
    """The render without what the hub must not be sent; ``parent`` tells which Application holds another."""
    lineage = ancestors(root, parent)
    kept: list[Manifest] = []
    faults = list(rendered.faults)
    for manifest in rendered.manifests:
        found = _refusal(manifest, lineage, namespace)
        if found is None:
            kept.append(manifest)
        else:
            faults.append(found)
    if len(kept) == len(rendered.manifests):
        return rendered
    return replace(rendered, manifests=tuple(kept), faults=tuple(faults))


def ancestors(root: ApplicationKey, parent: Parent) -> frozenset[ApplicationKey]:
    """The Application itself and all above it."""
    found = {root}
    above = parent(root)
    while above is not None and above not in found and len(found) < DEPTH:
        found.add(above)
        above = parent(above)
    return frozenset(found)


def _refusal(manifest: Manifest, lineage: frozenset[ApplicationKey], namespace: str) -> Fault | None:
    ref = manifest.ref
    if not hub_kinds.allowed(ref):
        text = f"an app of apps holds Applications, Clusters and Projects only, not {ref.kind}"
        return Fault(ref._replace(namespace=ref.namespace or namespace), "KindNotAllowed", text)
    placed = ref._replace(namespace=ref.namespace or namespace)
    try:
        parse(ref.kind, orjson.loads(manifest.body))
    except InvalidObject as error:
        return Fault(placed, error.reason, f"{manifest.origin.path}: {error.text}", error.field)
    if ref.kind == names.APPLICATION and ApplicationKey(placed.namespace, placed.name) in lineage:
        text = "an app of apps cannot hold itself or an Application that holds it"
        return Fault(placed, "CycleRefused", text)
    return None
