"""What helps: the edit or the command for each hold and each fault, as tables.

Contract: pure. A hold or a fault that stands in no table has words of its own, which say what is the matter;
then the advice is where to read on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet.model import Health, Hold, ObjectRef
from fleet.report.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.model import ApplicationKey, Fault, Holding

SPEC: Final = frozenset({"InvalidSpec", "SyncRefused"})
SOURCE: Final = frozenset(
    {
        "RepositoryRefused",
        "RepositoryUnreachable",
        "RevisionNotFound",
        "RevisionAmbiguous",
        "SourceError",
        "RegistryUnreachable",
        "DigestMismatch",
    }
)
PLACEMENT: Final = frozenset(
    {"ClusterUnknown", "PlacementMissing", "PlacementInvalid", "DestinationUnsupported"}
)
PROJECT: Final = frozenset({"ProjectUnknown", "ProjectRefused"})
WIRE: Final = frozenset({"Unreachable", "Unanswered", "NotPermitted"})

_AGAIN: Final = "Nothing: it is tried again by itself"
_READ_ON: Final = "See 'fleethub app get {app}'"

_HOLDS: Final[Mapping[Hold, str]] = {
    Hold.MANUAL: "Run 'fleethub app sync {app}', or turn on syncPolicy.automated",
    Hold.PAUSED: "Run 'fleethub cluster resume {cluster}'",
    Hold.PRUNE_OFF: "Run 'fleethub app sync {app} --prune', or set syncPolicy.automated.prune",
    Hold.PRUNE_WAITS: "Mend what it waits for; then it goes on by itself",
    Hold.EMPTY: "Put the manifests back, or set syncPolicy.automated.allowEmpty",
    Hold.HOOKS: "Take the hooks and sync options out of Git: they are not run",
    Hold.SELF_HEAL_OFF: "Run 'fleethub app sync {app}', or set syncPolicy.automated.selfHeal",
    Hold.CONTESTED: "Have the other one stop, or take these fields out of Git",
    Hold.FOREIGN_HUB: "If that hub is gone, run 'fleethub cluster take-over {cluster}'",
    Hold.RETRYING: _AGAIN,
    Hold.WAVE: "Make the objects of the earlier wave healthy; then it goes on by itself",
    Hold.CLAIM: "Take the object out of the other Application; then it is handed over by itself",
    Hold.GRACE: "Put the label back to keep it; else wait until the grace has passed",
    Hold.DELETION: "Mend what is named, or wait for it; where it is deleted, and a cluster will not come back: 'fleethub app delete {app} "
    "--abandon CLUSTER'",
    Hold.DELETION_HELD: "If it is meant, run 'fleethub app confirm {app}'; else put back what the change took away",
    Hold.IDENTITY: "If that is meant, run 'fleethub cluster replace {cluster}'; else correct the registration",
    Hold.TWICE: "Remove one of the two registrations: 'fleethub cluster remove {cluster}'",
    Hold.CLEANING: "Wait, or have all put back: 'fleethub cluster remove {cluster} --call-off'",
    Hold.CLEANED: "Remove it: 'fleethub cluster remove {cluster}'; or have all put back: the same with --call-off",
    Hold.RENDERER: "Look at what would change ('fleethub app get {app}'), then run 'fleethub app accept {app}'",
    Hold.PROJECT: "Have the Project allow it, or change the Application",
    Hold.SCOPE: "Have the registration of {cluster} reach it again: 'fleethub cluster add {cluster} --namespaces'",
}
# Of several holds the first of these is told.
_ORDER: Final = (
    Hold.PROJECT, Hold.SCOPE, Hold.IDENTITY, Hold.TWICE, Hold.CLEANING, Hold.CLEANED, Hold.PAUSED, Hold.FOREIGN_HUB, Hold.RENDERER, Hold.MANUAL, Hold.CONTESTED, Hold.CLAIM, Hold.WAVE,
    Hold.DELETION_HELD, Hold.EMPTY, Hold.PRUNE_WAITS, Hold.PRUNE_OFF, Hold.SELF_HEAL_OFF, Hold.GRACE, Hold.DELETION,
)  # fmt: skip

_FAULTS: Final[Mapping[str, str]] = {
    "InvalidSpec": "Correct the Application",
    "SyncRefused": "Move spec.source.targetRevision, or turn syncPolicy.automated off",
    "RepositoryRefused": "Correct spec.source.repoURL, or allow it with --allow-git",
    "RepositoryUnreachable": "Check the Git server and the repository's Secret; it is tried again by itself",
    "RevisionNotFound": "Push that branch or tag, or correct spec.source.targetRevision",
    "RevisionAmbiguous": "Write the full name in spec.source.targetRevision",
    "PathNotFound": "Push the path, or correct spec.source.path",
    "RendererAmbiguous": "Give the source helm, kustomize or directory, and exclude what is not meant",
    "RendererMissing": "Install the program where the hub runs, or name its folder with --programs",
    "RenderFailed": "Correct the file; 'fleethub render' shows the same before it is committed",
    "RenderLimit": "Make the chart or kustomization smaller: a render may not take more",
    "KustomizationRefused": "Take that out of the kustomization",
    "RemoteRefused": "Name the folder of a Git repository, at a ref",
    "ChartRefused": "Correct the chart",
    "FactMissing": "Give the cluster that label or annotation, or write a default",
    "PatchUnmatched": "Correct the patch's target, or take the patch out of spec.overrides",
    "RegistryUnreachable": "Check the registry and the repository's Secret; it is tried again by itself",
    "DigestMismatch": "Ask who runs the registry: what it sends is not what it names",
    "ClusterUnknown": "Correct spec.placement, or run 'fleethub cluster add'",
    "PlacementMissing": "Write spec.placement",
    "PlacementInvalid": "Correct spec.placement",
    "DestinationUnsupported": "Correct spec.destination",
    "ProjectUnknown": "Make the Project, or correct spec.project",
    "ProjectRefused": "Have the Project allow it, or change the Application",
    "OutsideScope": "Take the object out of Git, or have the registration of {cluster} reach it",
    "OwnedByOther": "Take the object out of here or out of the other owner, or name it otherwise",
    "KindUnknown": "Install the kind's CRD on {cluster}; it is tried again by itself",
    "Forbidden": "Give the hub's account on {cluster} that right, or change what denies it; it is tried again",
    "InventoryProtected": "Take the object out of Git: it is the hub's own",
    "RegistrationInvalid": "Correct the registration: 'fleethub cluster add {cluster}'",
    "KubeconfigInvalid": "Correct the registration: 'fleethub cluster add {cluster}'",
    "KubeconfigRefused": "Correct the registration: 'fleethub cluster add {cluster}'",
}


def stage_of(fault: Fault) -> Stage:
    """The stage that a fault of an Application itself stands for."""
    for reasons, stage in (
        (SPEC, Stage.HELD),
        (SOURCE, Stage.NOT_SEEN),
        (PLACEMENT, Stage.NOT_PLACED),
        (PROJECT, Stage.HELD),
    ):
        if fault.reason in reasons:
            return stage
    return Stage.NOT_RENDERED


def first(holds: tuple[Holding, ...]) -> Holding:
    """The hold that is told of several: the one that has to end first."""
    return min(
        holds, key=lambda one: _ORDER.index(one.hold) if one.hold in _ORDER else _ORDER.index(Hold.MANUAL)
    )


def of_hold(holding: Holding, key: ApplicationKey, cluster: str) -> str:
    """What ends the hold."""
    return _HOLDS.get(holding.hold, _READ_ON).format(app=key, cluster=cluster or "CLUSTER")


def of_fault(fault: Fault, key: ApplicationKey, cluster: str = "") -> str:
    """What mends the fault: an edit in Git, a right, or patience."""
    told = _FAULTS.get(fault.reason)
    if told is None:
        if fault.transient:
            return _AGAIN
        told = f"Correct {fault.field or 'it'} in Git and push"
    return told.format(app=key, cluster=cluster or "CLUSTER")


def of_health(ref: ObjectRef, health: Health, cluster: str) -> str:
    """Where to look for what keeps an object from being healthy."""
    if health is Health.MISSING:
        return "Nothing: it is put back by itself, unless self-heal is off"
    kind = f"{ref.kind}.{ref.group}".rstrip(".").lower()
    place = f" -n {ref.namespace}" if ref.namespace else ""
    where = "the hub" if cluster.startswith("@") else cluster
    return f"Look at it on {where}: kubectl describe {kind} {ref.name}{place}"
