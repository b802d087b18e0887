"""Patches of an Application's overrides, on objects that any renderer made.

Contract: blocking. Kustomize itself applies them, all in one run; an object that no patch is for keeps its very
bytes, and so does one that none changes. The order stays. A patch that is for no object is a fault that names it,
since it is a mistake more often than a wish.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from fleet.documents.read import read
from fleet.errors import FleetError, fault
from fleet.model import Fault
from fleet.render.gather import PRINTED
from fleet.render.kustomize import options
from fleet.render.kustomize.renderer import RenderFailed, program, run
from fleet.render.manifest import Place, manifest
from fleet.render.marks import Marks, merges
from fleet.render.render import output

if TYPE_CHECKING:
    from fleet.model import Manifest, ObjectRef, Rendered
    from fleet.render.cache import RenderCache
    from fleet.render.program import Programs
    from fleet.render.source import Patch

_ALL: Final = "all.yaml"
_FIELD: Final = "spec.overrides"


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
    values: list[dict[str, Any]] = [orjson.loads(one.body) for one in rendered.manifests]
    marks = Marks(rendered.manifests, values)
    asked: list[dict[str, Any]] = []
    for number, one in enumerate(patches):
        if marks.meant(number, one):
            asked += [*marks.before(number, one), options.patch(one)]
    made: dict[int, Manifest] = {}
    faults: list[Fault] = []
    if asked and values:
        made, faults = _made(rendered, values, marks, _run(marks.marked(), asked, programs))
    idle = [_idle(number, patches[number]) for number in marks.idle(patches)]
    manifests = tuple(made[number] for number in sorted(made)) if asked else rendered.manifests
    return replace(rendered, manifests=manifests, faults=(*rendered.faults, *faults, *idle))


def _run(objects: list[dict[str, Any]], patches: list[dict[str, Any]], programs: Programs) -> bytes:
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [_ALL],
        "patches": patches,
    }
    files = {
        _ALL: b"\n---\n".join(map(orjson.dumps, objects)),
        "kustomization.yaml": orjson.dumps(kustomization),
    }
    try:
        return run(programs, "", files, [], named=_nameless).stdout
    except RenderFailed as error:
        raise RenderFailed(f"the patches of the overrides: {error.text}") from None


def _made(
    rendered: Rendered, values: list[dict[str, Any]], marks: Marks, printed: bytes
) -> tuple[dict[int, Manifest], list[Fault]]:
    """The objects by their number, and what is wrong with some."""
    documents = read(printed, path="what the patches of the overrides make", limits=PRINTED)
    faults = [fault(error) for error in documents.faults]
    found = [(one.value, *marks.taken(one.value)) for one in documents.items]
    renamed = any(
        named and number is not None and value["metadata"]["name"] != rendered.manifests[number].ref.name
        for value, number, named in found
    )
    made: dict[int, Manifest] = {}
    seen: set[ObjectRef] = set()
    for value, number, named in found:
        if number is None:
            text = "a patch of the overrides renames an object and takes its annotations, so nobody knows which it was"
            faults.append(Fault(None, RenderFailed.reason, text, field=_FIELD))
            continue
        after = before = rendered.manifests[number]
        # Where one was renamed, Kustomize changes the references of the others.
        if (named or renamed) and value != values[number]:
            try:
                after = manifest(value, Place(before.origin.path, before.origin.document, 0))
            except FleetError as error:
                faults.append(fault(error, before.ref))
                continue
        if after.ref in seen:
            faults.append(Fault(after.ref, "DuplicateManifest", f"the patches make {after.ref} twice"))
            continue
        seen.add(after.ref)
        made[number] = after
    return made, faults


def _idle(number: int, patch: Patch) -> Fault:
    if patch.target:
        target: dict[str, Any] = orjson.loads(patch.target)
        told = ", ".join(f"{key} {value}" for key, value in target.items() if value)
    else:
        told = ", ".join(_name(one) for one in merges(patch.patch))
    named = f"patch {number + 1} of the overrides" + (f" ({told})" if told else "")
    return Fault(None, "PatchUnmatched", f"{named} is for no object that is rendered", field=_FIELD)


def _name(merge: dict[str, Any]) -> str:
    metadata = merge.get("metadata")
    words = metadata if isinstance(metadata, dict) else {}
    return " ".join(
        str(word) for word in (merge.get("kind"), words.get("namespace"), words.get("name")) if word
    )


def _nameless(path: str) -> str:
    """The files of this box are nobody's."""
    del path
    return ""
