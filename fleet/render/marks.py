"""Which object is which, and which patch was for it, over a run of Kustomize.

Contract: pure, but for what `Marks` remembers of one run. Objects are told by an annotation that is put on before and
taken off afterwards; that a patch found an object, by a patch of ours before it with the same target. Annotations
by which Kustomize lets itself be told what to do, such as to leave an object out, are set aside meanwhile.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import orjson

from fleet.documents.read import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fleet.model import Manifest
    from fleet.render.source import Patch

_INDEX: Final = "fleethub.dev/patched-object"
_FOUND: Final = "fleethub.dev/patched-by-"
_KUSTOMIZES: Final = re.compile(
    r"(internal\.|alpha\.)?config\.(kubernetes|k8s)\.io/|kustomize\.config\.k8s\.io/"
)
_ANY: Final = {
    "apiVersion": "v1",
    "kind": "Any",
}  # of a merge with a target, Kustomize asks that there be some
_DEFAULT: Final = "default"


class Marks:
    """The marks of one run over these manifests, whose ``values`` are their bodies."""

    def __init__(self, manifests: Sequence[Manifest], values: Sequence[dict[str, Any]]) -> None:
        self._manifests = manifests
        self._values = values
        self._found: set[int] = set()  # patches
        self._named: set[int] = set()  # objects that patches name by themselves
        self._left = set(range(len(values)))
        self._blind = False  # a patch took marks away, so nothing is concluded from their absence

    def marked(self) -> list[dict[str, Any]]:
        """The objects as Kustomize is given them."""
        return [self._marked(number, value) for number, value in enumerate(self._values)]

    def meant(self, number: int, patch: Patch) -> bool:
        """Whether the patch is to be given to Kustomize: it takes one that names what is not there for an error."""
        if patch.target or not patch.patch:
            return True
        named = [self._fitting(document) for document in merges(patch.patch)]
        if not all(named):
            return False
        self._found.add(number)
        self._named.update(*named)
        return True

    def before(self, number: int, patch: Patch) -> Iterator[dict[str, Any]]:
        """The patch of ours that shows which objects the patch is for; a merge, since JSON patches round numbers."""
        if patch.target:
            merge = {**_ANY, "metadata": {"name": "any", "annotations": {f"{_FOUND}{number}": ""}}}
            yield {"patch": orjson.dumps(merge).decode(), "target": orjson.loads(patch.target)}

    def taken(self, value: dict[str, Any]) -> tuple[int | None, bool]:
        """Take the marks off an object: which it is, None where that cannot be told, and whether patches named it."""
        metadata = value["metadata"]
        annotations: dict[str, Any] = metadata.get("annotations") or {}
        mark = annotations.pop(_INDEX, None)
        by = [key for key in annotations if key.startswith(_FOUND)]
        for key in by:
            del annotations[key]
        self._found.update(int(key.removeprefix(_FOUND)) for key in by)
        if mark is None:
            self._blind = True
            number = self._alike(value)
        else:
            number = int(mark)
            self._restore(metadata, annotations, self._values[number]["metadata"])
        self._left.discard(-1 if number is None else number)
        return number, mark is None or bool(by) or number in self._named

    def idle(self, patches: Sequence[Patch]) -> list[int]:
        """The patches that were for no object. One that deletes what it is for leaves nothing that tells of it."""
        return [
            number
            for number, patch in enumerate(patches)
            if number not in self._found
            and not (patch.target and (self._blind or (self._left and "$patch" in patch.patch)))
        ]

    def _marked(self, number: int, value: dict[str, Any]) -> dict[str, Any]:
        annotations = value["metadata"].get("annotations") or {}
        kept = {key: one for key, one in annotations.items() if not _KUSTOMIZES.match(key)}
        return {**value, "metadata": {**value["metadata"], "annotations": {**kept, _INDEX: str(number)}}}

    def _restore(self, metadata: dict[str, Any], annotations: dict[str, Any], before: dict[str, Any]) -> None:
        """Put back what was set aside, and leave annotations as empty, or as absent, as they were."""
        known = before.get("annotations") or {}
        aside = {key: kept for key, kept in known.items() if _KUSTOMIZES.match(key)}
        if aside or annotations:
            metadata["annotations"] = {**aside, **annotations}
        elif known or "annotations" not in before:
            metadata.pop("annotations", None)
        else:
            metadata["annotations"] = before["annotations"]

    def _fitting(self, document: dict[str, Any]) -> set[int]:
        """The objects that a strategic merge without target names, as Kustomize compares them."""
        metadata = document.get("metadata")
        wanted = metadata if isinstance(metadata, dict) else {}
        group, _, version = str(document.get("apiVersion")).rpartition("/")
        return {
            number
            for number, one in enumerate(self._manifests)
            if (one.ref.group, one.version, one.ref.kind, one.ref.name)
            == (group, version, document.get("kind"), wanted.get("name"))
            and (one.ref.namespace or _DEFAULT) == (wanted.get("namespace") or _DEFAULT)
        }

    def _alike(self, value: dict[str, Any]) -> int | None:
        """The object of the same name, where a patch took the mark."""
        fitting = self._fitting(value) & self._left
        return min(fitting, default=None)


def merges(text: str) -> list[dict[str, Any]]:
    """The documents of a strategic merge; none where it is something else, which is Kustomize's to judge."""
    documents = read(text.encode(), path="patch")
    return [] if documents.faults else [one.value for one in documents.items]
