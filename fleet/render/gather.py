"""Documents as the manifests of one render: lists unfolded, faults by document, no object twice.

Contract: what a source may come to is bounded, whoever wrote it; over that it is `SourceTooLarge`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from fleet.documents.limits import Limits
from fleet.documents.read import read
from fleet.errors import FleetError, SourceTooLarge, fault
from fleet.model import Fault, Manifest, ObjectRef, Origin
from fleet.render.manifest import NotManifest, Place, manifest, unfold

MOST_BYTES: Final = 64 * 1024 * 1024
MOST_MANIFESTS: Final = 20_000
# What a program printed may be as large as what it was made for.
PRINTED: Final = Limits(size=MOST_BYTES, documents=MOST_MANIFESTS, nodes=5_000_000)


class Gathered:
    """The manifests and faults of a render so far. ``unfilled``: facts of the cluster are filled in later."""

    def __init__(self, *, unfilled: bool = False) -> None:
        self._unfilled = unfilled
        self.manifests: list[Manifest] = []
        self.faults: list[Fault] = []
        self._seen: dict[ObjectRef, Origin] = {}
        self._size = 0

    def file(self, path: str, data: bytes) -> None:
        """Take the documents of a file; ``path`` is what their origins and faults name."""
        self._size += len(data)
        if self._size > MOST_BYTES or len(self.manifests) > MOST_MANIFESTS:
            raise _too_large()
        documents = read(data, path=path)
        faults: list[tuple[int, Fault]] = [(error.document, fault(error)) for error in documents.faults]
        for document in documents.items:
            at = Place(path, document.index, document.line)
            faults += [(document.index, one) for one in self._taken(document.value, at)]
        self.faults += [item for _, item in sorted(faults, key=_by_document)]

    def value(self, value: Any, at: Place) -> None:
        """Take one document that is read already."""
        self.faults += self._taken(value, at)

    def _taken(self, document: Any, at: Place) -> Iterator[Fault]:
        for value in unfold(document, at):
            try:
                if isinstance(value, NotManifest):
                    raise value
                self._add(manifest(value, at, unfilled=self._unfilled), at)
            except FleetError as error:
                yield replace(fault(error), field=error.field)

    def _add(self, one: Manifest, at: Place) -> None:
        first = self._seen.setdefault(one.ref, one.origin)
        if first is not one.origin:
            text = f"{one.ref} occurs already in {first.path}, document {first.document + 1}"
            raise _Repeated(text, at=at, ref=one.ref)
        self.manifests.append(one)
        if len(self.manifests) > MOST_MANIFESTS:
            raise _too_large()


class _Repeated(NotManifest):
    """Two manifests of one object: which of them is meant is not ours to guess."""

    reason = "DuplicateManifest"


def _too_large() -> SourceTooLarge:
    return SourceTooLarge(f"the manifests exceed {MOST_BYTES >> 20} MiB or {MOST_MANIFESTS} objects")


def _by_document(item: tuple[int, Fault]) -> int:
    return item[0]
