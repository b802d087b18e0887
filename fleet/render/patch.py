"""Patches of an Application's overrides, on objects that any renderer made.

Contract: blocking. Kustomize itself applies them, all in one run; an object that no patch changes keeps its very
bytes. A patch that is for no object is a fault that names it, since it is a mistake more often than a wish.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from fleet.documents.read import read
from fleet.errors import FleetError, fault
from fleet.model import Fault
from fleet.render.gather import PRINTED
from fleet.render.kustomize import options
from fleet.render.kustomize.renderer import program, run
from fleet.render.manifest import Place, manifest
from fleet.render.render import output

if TYPE_CHECKING:
    from fleet.model import Manifest, ObjectRef, Rendered
    from fleet.render.cache import RenderCache
    from fleet.render.program import Programs
    from fleet.render.source import Patch

_INDEX: Final = "fleethub.dev/patched-object"
_ALL: Final = "all.yaml"


def patched(
    rendered: Rendered, patches: tuple[Patch, ...], cache: RenderCache, programs: Programs
) -> Rendered:
    """The render with the patches applied, from the cache where it was made before."""
    version = programs.version(program(programs))
    given = hashlib.sha256(f"{rendered.inputs}\0{patches!r}".encode()).hexdigest()
    key = hashlib.sha256(f"{rendered.key}\0{version}\0{patches!r}".encode()).hexdigest()
    renderer = ", ".join(dict.fromkeys([*filter(None, [rendered.renderer]), version]))

    def build() -> Rendered:
        made = _applied(rendered, patches, programs)
        return replace(made, key=key, inputs=given, output=output(made), renderer=renderer)

    return replace(cache.obtain(key, build, lasting=True), reads=rendered.reads)


def _applied(rendered: Rendered, patches: tuple[Patch, ...], programs: Programs) -> Rendered:
    values = [orjson.loads(one.body) for one in rendered.manifests]
    idle = [number for number, one in enumerate(patches) if not _meant(one, rendered.manifests)]
    faults = [
        Fault(
            None, "PatchUnmatched", f"patch {number + 1} of the overrides is for no object that is rendered"
        )
        for number in idle
    ]
    asked = [options.patch(one) for number, one in enumerate(patches) if number not in idle]
    if not asked or not values:
        return replace(rendered, faults=(*rendered.faults, *faults))
    marked = [orjson.dumps(_marked(value, number)) for number, value in enumerate(values)]
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [_ALL],
        "patches": asked,
    }
    files = {_ALL: b"\n---\n".join(marked), "kustomization.yaml": orjson.dumps(kustomization)}
    done = run(programs, ".", files, [])
    kept: list[Manifest] = []
    seen: set[ObjectRef] = set()
    for one in read(done.stdout, path="the patched objects", limits=PRINTED).items:
        value = one.value
        number = _unmarked(value)
        before = rendered.manifests[number]
        if value == values[number]:
            kept.append(before)
            continue
        try:
            after = manifest(value, Place(before.origin.path, before.origin.document, 0))
        except FleetError as error:
            faults.append(fault(error, before.ref))
            continue
        if after.ref in seen:
            faults.append(Fault(after.ref, "DuplicateManifest", f"the patches make {after.ref} twice"))
            continue
        seen.add(after.ref)
        kept.append(after)
    return replace(rendered, manifests=tuple(kept), faults=(*rendered.faults, *faults))


def _meant(patch: Patch, manifests: tuple[Manifest, ...]) -> bool:
    """Whether a patch is for any object; one by selectors, or without target, is Kustomize's to judge."""
    if not patch.target:
        return True
    target = orjson.loads(patch.target)
    if target.get("labelSelector") or target.get("annotationSelector"):
        return True
    return any(_fits(target, one) for one in manifests)


def _fits(target: dict[str, Any], one: Manifest) -> bool:
    return all(
        not target.get(key) or re.fullmatch(str(target[key]), value) is not None
        for key, value in (
            ("group", one.ref.group),
            ("version", one.version),
            ("kind", one.ref.kind),
            ("name", one.ref.name),
            ("namespace", one.ref.namespace or "default"),
        )
    )


def _marked(value: dict[str, Any], number: int) -> dict[str, Any]:
    metadata = dict(value["metadata"])
    metadata["annotations"] = {**(metadata.get("annotations") or {}), _INDEX: str(number)}
    return {**value, "metadata": metadata}


def _unmarked(value: dict[str, Any]) -> int:
    annotations = value["metadata"]["annotations"]
    number = int(annotations.pop(_INDEX))
    if not annotations:
        del value["metadata"]["annotations"]
    return number
