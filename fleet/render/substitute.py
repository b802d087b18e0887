"""Facts of the cluster in the strings of plain manifests, for sources that ask for it.

Contract: pure. Comes after the cache: a render that names no fact is handed on as it is, one that does becomes a
render of its own for each set of values that it uses. Keys of mappings stay as they are.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import orjson

from fleet.errors import FleetError, fault
from fleet.facts import Expansion, Facts
from fleet.render.manifest import NotManifest, Place, manifest
from fleet.render.render import output

if TYPE_CHECKING:
    from fleet.model import Fault, Manifest, Rendered

_MARK: Final = b"{{"


def substituted(rendered: Rendered, facts: Facts) -> Rendered:
    """The render with the facts of one cluster; a manifest whose facts are missing becomes a fault."""
    kept: list[Manifest] = []
    faults: list[Fault] = []
    used: dict[str, str] = {}
    names = {one.ref for one in rendered.manifests}
    for one in rendered.manifests:
        if _MARK not in one.body:
            kept.append(one)
            continue
        expansion = Expansion(facts)
        try:
            filled = expansion.value(
                orjson.loads(one.body), f"{one.origin.path}: {one.ref.kind} {one.ref.name}"
            )
            made = manifest(filled, Place(one.origin.path, one.origin.document, 0))
            if made.ref != one.ref and made.ref in names:
                raise NotManifest(
                    f"{made.ref} occurs twice with the facts of {facts.name}",
                    at=Place(one.origin.path, one.origin.document, 0),
                    ref=made.ref,
                )
            names.add(made.ref)
        except FleetError as error:
            faults.append(fault(error, one.ref))
            used[f"missing {one.ref}"] = error.text
            continue
        used.update(expansion.used)
        kept.append(made if expansion.used else one)
    if not used:
        return rendered
    named = "\0".join(f"{name}={value}" for name, value in sorted(used.items()))
    found = replace(rendered, manifests=tuple(kept), faults=(*rendered.faults, *faults))
    return replace(
        found, key=_name(rendered.key, named), inputs=_name(rendered.inputs, named), output=output(found)
    )


def _name(key: str, named: str) -> str:
    return hashlib.sha256(f"{key}\0{named}".encode()).hexdigest()
