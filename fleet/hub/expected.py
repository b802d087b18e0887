"""Children that an app of apps has been told to make or change, until the hub sees them as they are meant.

Contract: one owner, in memory; methods never await. What a commit moves to a child that the same commit makes
must not be deleted where it was before the child has claimed it (H3). So an app of apps has not settled its
changes before its children are there; a child that comes takes part in them and settles them as any other does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import orjson

from fleet import names
from fleet.api.application import Application
from fleet.api.parse import parse
from fleet.errors import Forbidden, InvalidObject, Missing
from fleet.hub.changes import Changes
from fleet.model import ApplicationKey, Hold, Manifest, Outcome, Rendered
from fleet.report import words
from fleet.world.objects import Known, World, newer

Spec = Mapping[str, Any]
SHOWN: Final = 5
# What is tried again, and may last for ever all the same.
_LASTING: Final = frozenset({Forbidden.reason, Missing.reason})


class Expected:
    """See the module; bounded by the children that are not yet as their roots want them.

    ``passed`` gives what a root's last pass on the hub came to, ``written`` the version at which the hub's own worker
    knows a child (empty: it does not).
    """

    def __init__(self, world: World, changes: Changes) -> None:
        self._world = world
        self._changes = changes
        self._wanted: dict[ApplicationKey, dict[ApplicationKey, Spec]] = {}
        self._renders: dict[ApplicationKey, str] = {}
        self._outrun: set[ApplicationKey] = set()
        self.passed: Callable[[ApplicationKey], Outcome | None] = lambda _: None
        self.written: Callable[[ApplicationKey], str] = lambda _: ""

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
            self._renders[root] = rendered.key
        else:
            self._wanted.pop(root, None)
        return not missing

    def missing(self, root: ApplicationKey) -> tuple[ApplicationKey, ...]:
        """Children of the root that are not there yet, or not as it wants them."""
        return tuple(sorted(self._wanted.get(root, ())))

    def coming(self, root: ApplicationKey) -> bool:
        """Whether children are on their way that have not said yet what they claim.

        Those that are being deleted come when they are gone. What a whole pass of the root did not make, it may
        never make (it was refused, or is not put back), but for what waits for an earlier wave.
        """
        return next(self._coming(root), None) is not None

    def _coming(self, root: ApplicationKey) -> Iterator[ApplicationKey]:
        missing = [child for child in self.missing(root) if not self._deleting(child)]
        ended = bool(missing) and self._ended(root)
        for child in missing:
            version = self.written(child)
            known = self._world.applications.get(child)
            seen = known is not None and not newer(version, known.version)
            if not ended or (version and not seen):
                yield child

    def _ended(self, root: ApplicationKey) -> bool:
        """Whether a whole pass of the root has made of its present render what it can make."""
        passed = self.passed(root)
        if passed is None or passed.findings.render != self._renders.get(root):
            return False
        passing = any(one.transient and one.reason not in _LASTING for one in passed.faults)
        return not passing and not any(one.hold is Hold.WAVE for one in passed.holds)

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

    def heard(self, root: ApplicationKey) -> None:
        """A pass of the root has come to something, or a child was seen: what is not on its way is not waited for."""
        if root in self._wanted and self._changes.unseen(root) and not self.coming(root):
            self._changes.looked(root)

    def saw(self, kind: str, child: ApplicationKey) -> None:
        """The hub saw an Application, whatever of it has changed."""
        for root in tuple(self._roots(child)) if kind == names.APPLICATION else ():
            self.heard(root)

    def waiting(self, child: ApplicationKey) -> frozenset[ApplicationKey]:
        """Roots that have rendered and wait for the child: where it is being deleted, it must not wait for them."""
        return frozenset(self._roots(child)) - self._outrun

    def tell(self, root: ApplicationKey) -> str:
        """The name of the root, and for whom it waits: for what is being deleted, or for what it makes."""
        if root in self._outrun:
            return str(root)
        gone = [str(child) for child in self.missing(root) if self._deleting(child)]
        if gone:
            return f"{root}, which waits for {words.listed(gone, SHOWN)} to be gone and makes it anew,"
        made = [str(child) for child in self._coming(root)]
        return f"{root}, which makes {words.listed(made, SHOWN)}," if made else str(root)

    def outrun(self, root: ApplicationKey) -> None:
        """Commits arrived that the root has not rendered yet: no child that comes settles those."""
        if root in self._wanted:
            self._outrun.add(root)

    def forget(self, root: ApplicationKey) -> None:
        """The root is gone, or makes nothing by itself."""
        self._wanted.pop(root, None)
        self._renders.pop(root, None)
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
    if isinstance(part, list | tuple):
        return isinstance(whole, list | tuple) and len(part) == len(whole) and all(map(_within, part, whole))
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(
            key in whole and _within(value, whole[key]) for key, value in part.items()
        )
    return bool(part == whole)
