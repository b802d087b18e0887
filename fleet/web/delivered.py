"""What the API shows of Secrets that the hub makes: where from, which version, where it stands; never a value."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.hub.hub import Hub
from fleet.hub.refresh import Followed
from fleet.model import ApplicationKey, ObjectRef, Outcome, TargetKey
from fleet.web.api.provider import SecretView
from fleet.worker.worker import Worker


def views(hub: Hub, key: ApplicationKey | None = None) -> Iterator[SecretView]:
    """The Secrets of one Application, or of all, on every cluster that has a worker."""
    if not hub.ready:
        return
    for worker in hub.roster.workers():
        for target in sorted(worker.targets()):
            if key is None or target.application == key:
                yield from _of(hub, worker, target)


def _of(hub: Hub, worker: Worker, target: TargetKey) -> Iterator[SecretView]:
    outcome = hub.board.outcome(target)
    followed = {one.asked.manifest.ref: one for one in hub.secrets.refresh.of_target(target)}
    for manifest in worker.secrets(target):
        ref = manifest.ref
        one = followed.get(ref)
        yield SecretView(
            target.application,
            worker.name,
            ref,
            manifest.form,
            _sources(hub, worker, one),
            one.looked if one is not None else 0.0,
            one.opened if one is not None else 0.0,
            hub.secrets.refresh.next(one) if one is not None else 0.0,
            _problem(outcome, ref),
            worker.stands(target, ref),
            one.stamped.notes if one is not None and one.stamped is not None else (),
        )


def _sources(hub: Hub, worker: Worker, one: Followed | None) -> tuple[tuple[str, str], ...]:
    if one is not None:
        return one.stamped.sources if one.stamped is not None else ()
    return tuple((f"ring {ring}", "") for ring in hub.secrets.sealing.serving(worker.name))


def _problem(outcome: Outcome | None, ref: ObjectRef) -> str:
    if outcome is None:
        return ""
    found = [fault for fault in outcome.faults if fault.ref == ref]
    return f"{found[0].reason}: {found[0].text}" if found else ""
