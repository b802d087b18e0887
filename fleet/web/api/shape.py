"""Views as JSON values. Pure; a cluster that does not answer makes its targets Unknown at once (grace 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fleet.model import Lane
from fleet.report import standing, words
from fleet.web.api import traced

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fleet.clusters.doctor import Finding
    from fleet.model import Drift, Fault, Foreign, Holding, ObjectRef, Outcome, Reach
    from fleet.report.standing import Standing
    from fleet.web.api.provider import (
        ApplicationView,
        ClusterView,
        ImagesView,
        QueueView,
        ResourceView,
        RingView,
        SecretView,
        TargetView,
    )


def applications(views: Iterable[ApplicationView], now: float) -> dict[str, Any]:
    """Give the list: what a row of a table needs."""
    ordered = sorted(views, key=lambda view: view.key)
    return {"items": [_row(view, now) for view in ordered]}


def application(view: ApplicationView, now: float) -> dict[str, Any]:
    """Give one Application with every target's detail."""
    return {
        **_row(view, now),
        "status": dict(view.status),
        "faults": [_fault(fault) for fault in view.faults],
        "holds": [_holding(holding) for holding in view.holds],
        "targets": [_target(target, now) for target in sorted(view.targets, key=lambda one: one.cluster)],
        "trace": traced.body(view.trace) if view.trace is not None else None,
    }


def resources(views: Iterable[ResourceView]) -> dict[str, Any]:
    """Give objects by cluster."""
    ordered = sorted(views, key=lambda view: (view.cluster, view.ref))
    return {
        "items": [
            {
                "cluster": view.cluster,
                **_ref(view.ref),
                "health": view.health.word,
                "message": view.message,
                "deleting": view.deleting,
                "foreignFields": [_foreign(one) for one in view.foreign],
            }
            for view in ordered
        ]
    }


def images(views: Iterable[ImagesView]) -> dict[str, Any]:
    """Give the images that run, by cluster and workload."""
    return {
        "items": [
            {
                "cluster": view.cluster,
                "problem": view.problem,
                "images": [
                    {
                        "workload": _ref(one.workload),
                        "image": one.image,
                        "digest": one.digest,
                        "pods": one.pods,
                        "since": one.since,
                        "pod": one.pod,
                    }
                    for one in view.images
                ],
            }
            for view in sorted(views, key=lambda view: view.cluster)
        ]
    }


def clusters(views: Iterable[ClusterView], now: float) -> dict[str, Any]:
    """Give the list of clusters."""
    ordered = sorted(views, key=lambda view: view.name)
    return {"items": [_cluster_row(view, now) for view in ordered]}


def cluster(view: ClusterView, now: float) -> dict[str, Any]:
    """Give one cluster with the targets on it."""
    return {
        **_cluster_row(view, now),
        "status": dict(view.status),
        "unclaimedSets": [
            {
                "application": str(one.application),
                "objects": one.objects,
                "told": list(one.told),
                "held": one.held,
                "asked": one.asked,
            }
            for one in view.unclaimed
        ],
        "targets": [
            {
                "application": str(outcome.target.application),
                **_standing(standing.stand(view.name, outcome, view.reach, now=now, grace=0.0)),
            }
            for outcome in view.outcomes
        ],
    }


def queue(views: Iterable[QueueView]) -> dict[str, Any]:
    """Give every worker's queue."""
    return {
        "items": [
            {
                "cluster": view.cluster,
                "waiting": {lane.name.lower(): count for lane, count in zip(Lane, view.waiting, strict=True)},
                "running": view.running,
                "delayed": view.delayed,
                "breaker": view.breaker,
            }
            for view in sorted(views, key=lambda view: view.cluster)
        ]
    }


def secrets(views: Iterable[SecretView]) -> dict[str, Any]:
    """Give the Secrets that the hub makes."""
    return {
        "items": [
            {
                "application": str(view.application),
                "cluster": view.cluster,
                "namespace": view.ref.namespace,
                "name": view.ref.name,
                "form": view.form,
                "sources": [{"source": source, "version": version} for source, version in view.sources],
                "looked": words.stamp(view.looked) if view.looked else "",
                "read": words.stamp(view.opened) if view.opened else "",
                "next": words.stamp(view.next) if view.next else "",
                "stands": view.stands,
                "problem": view.problem,
                "notes": list(view.notes),
            }
            for view in views
        ]
    }


def vault(found: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    """Give what came of trying a Project's Vault."""
    return {"items": [{"step": step, "problem": problem, "hint": hint} for step, problem, hint in found]}


def doctor(found: Iterable[Finding]) -> dict[str, Any]:
    """Give what came of looking at a cluster."""
    return {
        "items": [{"check": one.check, "text": one.text, "well": one.well, "help": one.help} for one in found]
    }


def rings(views: Iterable[RingView], unusable: Mapping[str, str]) -> dict[str, Any]:
    """Give the rings of sealing keys; ``unusable`` are Secrets that open nothing, and why."""
    return {
        "items": [
            {
                "ring": view.name,
                "clusters": list(view.clusters),
                "certificate": view.certificate,
                "problem": view.problem,
                "keys": [
                    {
                        "secret": key.secret,
                        "fingerprint": key.fingerprint,
                        "made": words.stamp(key.made),
                        "active": key.active,
                        "seals": key.seals,
                    }
                    for key in view.keys
                ],
            }
            for view in views
        ],
        "unusable": [{"secret": name, "problem": text} for name, text in sorted(unusable.items())],
    }


def _row(view: ApplicationView, now: float) -> dict[str, Any]:
    held = [_stand(target, now) for target in view.targets]
    sync, health = standing.fold(held)
    return {
        "namespace": view.key.namespace,
        "name": view.key.name,
        "project": view.project,
        "repoURL": view.source.repo,
        "path": view.source.path,
        "targetRevision": view.source.revision,
        "headRevision": view.source.head,
        "revision": view.status.get("revision", ""),
        "sync": sync.value,
        "health": health.word,
        "clusters": f"{sum(one.well for one in held)}/{len(held)}",
        "deleting": view.deleting,
    }


def _stand(target: TargetView, now: float) -> Standing:
    return standing.stand(target.cluster, target.outcome, target.reach, now=now, grace=0.0)


def _standing(one: Standing) -> dict[str, Any]:
    return {"sync": one.sync.value, "health": one.health.word, "reason": one.reason, "revision": one.commit}


def _target(target: TargetView, now: float) -> dict[str, Any]:
    told: dict[str, Any] = {
        "cluster": target.cluster,
        **_standing(_stand(target, now)),
        "queued": target.queued,
        "reach": _reach(target.reach),
    }
    if target.outcome is not None:
        told.update(_detail(target.outcome))
    return told


def _detail(outcome: Outcome) -> dict[str, Any]:
    counts = outcome.counts
    return {
        "at": words.stamp(outcome.at) if outcome.at else "",
        "revisions": [{"repo": one.repo, "commit": one.commit, "ref": one.ref} for one in outcome.revisions],
        "counts": {name: getattr(counts, name) for name in counts.__slots__},
        "faults": [_fault(fault) for fault in outcome.faults],
        "holds": [_holding(holding) for holding in outcome.holds],
        "drifts": [_drift(drift) for drift in outcome.findings.drifts],
        "foreignFields": [{"object": str(one.ref), **_foreign(one)} for one in outcome.findings.foreign],
        "ignored": [str(ref) for ref in outcome.findings.ignored],
        "warnings": list(outcome.findings.warnings),
    }


def _cluster_row(view: ClusterView, now: float) -> dict[str, Any]:
    held = [standing.stand(view.name, outcome, view.reach, now=now, grace=0.0) for outcome in view.outcomes]
    return {
        "name": view.name,
        "server": view.server,
        "labels": dict(view.labels),
        "paused": view.paused,
        "reach": _reach(view.reach),
        "applications": len(held),
        "well": sum(one.well for one in held),
        "unclaimed": len(view.unclaimed),
    }


def _reach(reach: Reach | None) -> dict[str, Any] | None:
    if reach is None:
        return None
    return {
        "reachable": reach.reachable,
        "since": words.stamp(reach.since) if reach.since else "",
        "seen": words.stamp(reach.seen) if reach.seen else "",
        "version": reach.version,
        "reason": reach.reason,
        "text": reach.text,
    }


def _ref(ref: ObjectRef) -> dict[str, str]:
    return {"group": ref.group, "kind": ref.kind, "namespace": ref.namespace, "name": ref.name}


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "object": str(fault.ref) if fault.ref else "",
        "reason": fault.reason,
        "text": fault.text,
        "field": fault.field,
        "transient": fault.transient,
    }


def _holding(holding: Holding) -> dict[str, Any]:
    return {"hold": holding.hold.value, "text": holding.text, "objects": _names(holding.refs)}


def _names(refs: Sequence[ObjectRef]) -> list[str]:
    return [str(ref) for ref in refs]


def _drift(drift: Drift) -> dict[str, Any]:
    return {
        "object": str(drift.ref),
        "cause": drift.cause.value,
        "manager": drift.manager,
        "operation": drift.operation,
        "at": drift.at,
        "fields": list(drift.fields),
    }


def _foreign(found: Foreign) -> dict[str, Any]:
    return {
        "manager": found.manager,
        "at": found.at,
        "fields": list(found.fields),
        "more": found.more,
        "stays": found.why,
    }
