"""Documents as the manifests of one render: lists unfolded, faults by document, no object twice.

Contract: what a source may come to is bounded, whoever wrote it; over that it is `SourceTooLarge`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fleet.documents.read import read
from fleet.errors import FleetError, SourceTooLarge, fault
from fleet.model import Fault, Manifest, ObjectRef, Origin
from fleet.render.manifest import NotManifest, Place, manifest, unfold

MOST_BYTES: Final = 64 * 1024 * 1024
MOST_MANIFESTS: Final = 20_000


class Gathered:
    """The manifests and faults of a render so far."""

    def __init__(self) -> None:
        self.manifests: list[Manifest] = []
        self.faults: list[Fault] = []
        self._seen: dict[ObjectRef, Origin] = {}
        self._size = 0

    def file(self, path: str, data: bytes) -> None:
        """Take the documents of a file; ``path`` is what their origins and faults name."""
        self._size += len(data)
        if self._size > MOST_BYTES or len(self.manifests) > MOST_MANIFESTS:
            text = f"the manifests exceed {MOST_BYTES >> 20} MiB or {MOST_MANIFESTS} objects"
            raise SourceTooLarge(text)
        documents = read(data, path=path)
        faults: list[tuple[int, Fault]] = [(error.document, fault(error)) for error in documents.faults]
        for document in documents.items:
            at = Place(path, document.index, document.line)
            for value in unfold(document.value, at):
                try:
                    if isinstance(value, NotManifest):
                        raise value
                    self._add(manifest(value, at), at)
                except FleetError as error:
                    faults.append((document.index, replace(fault(error), field=error.field)))
        self.faults += [item for _, item in sorted(faults, key=_by_document)]

    def _add(self, one: Manifest, at: Place) -> None:
        first = self._seen.setdefault(one.ref, one.origin)
        if first is not one.origin:
            text = f"{one.ref} occurs already in {first.path}, document {first.document + 1}"
            raise _Repeated(text, at=at, ref=one.ref)
        self.manifests.append(one)


class _Repeated(NotManifest):
    """Two manifests of one object: which of them is meant is not ours to guess."""

    reason = "DuplicateManifest"


def _by_document(item: tuple[int, Fault]) -> int:
    return item[0]
