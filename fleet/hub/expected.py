"""Children that an app of apps has been told to make or change, until the hub sees them as they are meant.

Contract: one owner, in memory; methods never await. What a commit moves to a child that the same commit makes
must not be deleted where it was before the child has claimed it (H3). So an app of apps has not settled its
changes before its children are there; a child that comes takes part in them and settles them as any other does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

import orjson

from fleet import names
from fleet.api.application import Application
from fleet.api.parse import parse
from fleet.errors import InvalidObject
from fleet.hub.changes import Changes
from fleet.model import ApplicationKey, Manifest, ObjectRef, Rendered
from fleet.world.objects import Known, World

Spec = Mapping[str, Any]
SHOWN: Final = 5


class Expected:
    """See the module; bounded by the children that are not yet as their roots want them.

    ``refused`` tells what a root's last pass on the hub could not make.
    """

    def __init__(self, world: World, changes: Changes) -> None:
        self._world = world
        self._changes = changes
        self._wanted: dict[ApplicationKey, dict[ApplicationKey, Spec]] = {}
        self._outrun: set[ApplicationKey] = set()
        self.refused: Callable[[ApplicationKey], AbstractSet[ObjectRef]] = lambda _: frozenset()

    def expect(self, root: ApplicationKey, rendered: Rendered, namespace: str) -> bool:
        """Take what the root holds now; whether all of it is there already."""
        missing = {}
        self._outrun.discard(root)
        for manifest in rendered.manifests:
            if manifest.ref.kind != names.APPLICATION:
                continue
            child = ApplicationKey(manifest.ref.namespace or namespace, manifest.ref.name)
            spec = _spec(manifest)
            if spec is not None and not _stands(self._world.applications.get(child), spec):
                missing[child] = spec
        if missing:
            self._wanted[root] = missing
        else:
            self._wanted.pop(root, None)
        return not missing

    def missing(self, root: ApplicationKey) -> tuple[ApplicationKey, ...]:
        """Children of the root that are not there yet, or not as it wants them."""
        return tuple(sorted(self._wanted.get(root, ())))

    def coming(self, root: ApplicationKey) -> bool:
        """Whether children are on their way that have not said yet what they claim.

        Those that are being deleted come when they are gone; those that were refused may never come.
        """
        missing = self.missing(root)
        refused = self.refused(root) if missing else frozenset()
        children = {
            ApplicationKey(one.namespace, one.name) for one in refused if one.kind == names.APPLICATION
        }
        return any(not self._deleting(child) and child not in children for child in missing)

    def all_missing(self) -> Iterator[ApplicationKey]:
        """Children of any root that are not there yet, or not as it wants them."""
        return (child for missing in self._wanted.values() for child in missing)

    def came(self, child: ApplicationKey) -> None:
        """An Application is about to be reconciled: where a root waited for it, it has that root's changes now."""
        known = self._world.applications.get(child)
        for root in list(self._roots(child)):
            missing = self._wanted[root]
            if not _stands(known, missing[child]):
                continue
            self._changes.enlist(root, child)
            del missing[child]
            if not missing:
                del self._wanted[root]
                if root not in self._outrun:
                    self._changes.settle(root)

    def waiting(self, child: ApplicationKey) -> frozenset[ApplicationKey]:
        """Roots that have rendered and wait for the child: where it is being deleted, it must not wait for them."""
        return frozenset(self._roots(child)) - self._outrun

    def tell(self, root: ApplicationKey) -> str:
        """The name of the root, and for whom it waits that is being deleted."""
        gone = [child for child in self.missing(root) if root not in self._outrun and self._deleting(child)]
        shown = ", ".join(map(str, gone[:SHOWN])) + (f" and {len(gone) - SHOWN} more" if gone[SHOWN:] else "")
        return f"{root}, which waits for {shown} to be gone and makes it anew," if gone else str(root)

    def outrun(self, root: ApplicationKey) -> None:
        """Commits arrived that the root has not rendered yet: no child that comes settles those."""
        if root in self._wanted:
            self._outrun.add(root)

    def forget(self, root: ApplicationKey) -> None:
        """The root is gone, or makes nothing by itself."""
        self._wanted.pop(root, None)
        self._outrun.discard(root)

    def _deleting(self, child: ApplicationKey) -> bool:
        known = self._world.applications.get(child)
        return known is not None and known.deleting

    def _roots(self, child: ApplicationKey) -> Iterator[ApplicationKey]:
        return (root for root, missing in self._wanted.items() if child in missing)


def _spec(manifest: Manifest) -> Spec | None:
    try:
        model = parse(names.APPLICATION, orjson.loads(manifest.body))
    except InvalidObject:
        return None
    return _dump(model, unset=False) if isinstance(model, Application) else None


def _stands(known: Known[Application] | None, spec: Spec) -> bool:
    if known is None or known.model is None or known.deleting or known.error is not None:
        return False
    return _within(spec, _dump(known.model, unset=True))


def _dump(application: Application, *, unset: bool) -> Spec:
    return application.spec.model_dump(exclude_unset=not unset)


def _within(part: Any, whole: Any) -> bool:
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(
            key in whole and _within(value, whole[key]) for key, value in part.items()
        )
    return bool(part == whole)
