"""Makes the walk's steps real: commits, hands on objects, labels, members that fall silent, hubs that die.

Contract: ``make`` brings about the step itself and waits for nothing that the hub has to do; what of the hub's
doing a step needs to be a step at all (that it saw a label, that it died at a write) is waited for.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from fleet import names
from fleet.model import ApplicationKey, ObjectRef, TargetKey
from fleet.sync import guard
from fleet.sync.sets import set_id
from fleet.worker import errands, probing, worker
from tests.stage.api import until
from tests.stage.proxy import Proxy
from tests.stage.seams import LAST, Countdown, Guillotine, watched
from tests.stage.theatre import Theatre, config, deployment, manifest
from tests.walk import model
from tests.walk.settling import REFUSED
from tests.walk.values import (
    CLUSTERS,
    ROOT,
    App,
    Base,
    Broken,
    Commit,
    Confirm,
    Content,
    Cut,
    Edit,
    Hand,
    Lines,
    Pause,
    Power,
    Relabel,
    Remove,
    Start,
    State,
    Step,
    Stop,
    Swap,
    Sync,
    Thing,
    Way,
)

GRACE = 0.5
LONG = 120.0  # the grace while a label goes to and fro
POLL = 0.3
GROUPS = {"ConfigMap": "", "Secret": "", "Deployment": "apps"}
FOREIGN = ("foreign-plain", "foreign-copied", REFUSED.name)
HASTE = {
    (probing, "EVERY"): 1.0,
    (probing, "TIMEOUT"): 1.0,
    (worker, "LAST_RETRY"): 1.0,
    (errands, "LEAVE_AGAIN"): 1.0,
}


@contextlib.contextmanager
def hasty() -> Iterator[None]:
    """Have the hub look after silent members, and try again, within a second."""
    before = {place: getattr(*place) for place in HASTE}
    try:
        for (module, name), value in HASTE.items():
            setattr(module, name, value)
        yield
    finally:
        for (module, name), value in before.items():
            setattr(module, name, value)


class Stagehand:
    """See the module; ``asked`` is the newest request for a sync."""

    def __init__(self, theatre: Theatre) -> None:
        self.theatre = theatre
        self.proxies: dict[str, Proxy] = {}
        self.asked: tuple[str, str] | None = None
        self.versions: dict[tuple[str, str, str], str] = {}
        self._countdown = Countdown()
        self._guillotine = Guillotine(LAST)
        self._requests = 0

    async def begin(self, state: State) -> None:
        """The first commit, the foreign objects, the registrations and the Applications; no hub yet."""
        theatre = self.theatre
        theatre.repo.commit({path: self._text(content) for path, content in state.files.items()})
        for name in CLUSTERS:
            await self._foreign(name, min(app for app in state.apps if app != ROOT))
            proxy = self.proxies[name] = Proxy(theatre.planes.members[name])
            await proxy.start()
            await self._register(name, state.members[name].labels)
        for app in state.apps.values():
            await self._application(app)

    async def close(self) -> None:
        """Stop the hub, then what it was reached through."""
        await self.theatre.stop()
        for proxy in self.proxies.values():
            await proxy.close()

    async def make(  # noqa: C901, PLR0912 (a branch a step)
        self, step: Step, state: State, settled: Callable[[], Awaitable[object]]
    ) -> None:
        """Make a step in a world that is in this state; ``settled`` waits until all is as it is to be."""
        theatre = self.theatre
        match step:
            case Commit():
                theatre.repo.commit(
                    {path: None if content is None else self._text(content) for path, content in step.files}
                )
            case Hand():
                await self._hand(step)
            case Relabel():
                await self._relabel(step, state)
            case Power():
                await self._power(step)
            case Pause():
                spec = {"paused": step.paused or None}
                await theatre.api.patch("Cluster", step.cluster, names.HUB_NAMESPACE, {"spec": spec})
            case Stop():
                if step.clean:
                    await theatre.stop()
                else:
                    await self._kill()
            case Start():
                await self.start()
            case Cut():
                await self._cut(step, state, settled)
            case Sync():
                await self._sync(step)
            case Confirm():
                await theatre.annotate(
                    step.app, confirm=digest(state.memory.held[step.app], theatre.namespace)
                )
            case Edit():
                await self._application(step.app)
            case Remove():
                await theatre.api.delete("Application", step.app, names.HUB_NAMESPACE)
            case Swap():
                await self._application(step.new)
                await until(lambda: self._offered(step.new.name), what=f"{step.new.name} is offered")
                await theatre.api.delete("Application", step.old, names.HUB_NAMESPACE)

    async def start(self) -> None:
        """A hub whose every write is counted."""
        self._countdown, self._guillotine = Countdown(), Guillotine(LAST)
        seams = watched(self._countdown, self._guillotine)
        await self.theatre.start(seams, poll_interval=POLL, grace=GRACE)

    # --- the steps ----------------------------------------------------------------------------------------

    async def _hand(self, step: Hand) -> None:
        api, place, ref = self.theatre.members[step.cluster], self.theatre.namespace, step.ref
        value = model.drifted(step.number)
        who = f"hand-{step.number}"
        if step.way is Way.DELETE:
            await api.delete(ref.kind, ref.name, place)
            return
        if step.way is Way.SCALE:
            await api.scale(ref.name, place, value, who)
        else:
            patch: dict[str, Any] = {"metadata": {"labels": {names.APPLYSET_PART_OF: None}}}
            if step.way is Way.DECORATE:
                patch = {"metadata": {"annotations": {"example.com/hand": who}}}
            elif step.way is Way.EDIT:
                patch = _content(Thing(ref, value))
            await api.patch(ref.kind, ref.name, place, patch, who)
        found = await api.get(ref.kind, ref.name, place)
        if found is not None:
            self.versions[step.cluster, *ref] = found["metadata"]["resourceVersion"]

    async def _relabel(self, step: Relabel, state: State) -> None:
        labels = state.members[step.cluster].labels
        if not step.back:
            await self._register(step.cluster, {**labels, step.key: step.value})
            return
        withdrawals = self.theatre.hub.withdrawals
        withdrawals.grace = LONG
        await self._register(step.cluster, {**labels, step.key: step.value})
        lost = [
            ApplicationKey(names.HUB_NAMESPACE, app.name)
            for app in state.apps.values()
            if app.selector.key == step.key
            and app.selector.value == labels[step.key]
            and app.name in state.memory.begun
            and not app.deleting
        ]

        async def graced() -> bool:
            records = self.theatre.hub.reconciler.records
            return all(step.cluster in records[key].grace for key in lost if key in records)

        await until(graced, what=f"the grace of {lost} on {step.cluster} runs")
        await self._register(step.cluster, labels)

        async def over() -> bool:
            records = self.theatre.hub.reconciler.records
            return not any(step.cluster in records[key].grace for key in lost if key in records)

        await until(over, what=f"the grace of {lost} on {step.cluster} is called off")
        withdrawals.grace = GRACE

    async def _power(self, step: Power) -> None:
        proxy = self.proxies[step.cluster]
        if step.up:
            await proxy.speak()
        elif step.silent:
            proxy.silence()
        else:
            await proxy.refuse()

    async def _kill(self) -> None:
        self._guillotine.fallen.set()
        await self.theatre.kill()

    async def _cut(self, step: Cut, state: State, settled: Callable[[], Awaitable[object]]) -> None:
        self._countdown.left = step.write
        self._guillotine.after = step.after
        await self.make(step.step, state, settled)
        falls = asyncio.ensure_future(self._guillotine.fallen.wait())
        settles = asyncio.ensure_future(settled())
        await asyncio.wait({falls, settles}, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        for task in (falls, settles):
            task.cancel()
        await asyncio.gather(falls, settles, return_exceptions=True)
        await self._kill()
        await self.start()

    async def _sync(self, step: Sync) -> None:
        self._requests += 1
        commit = self.theatre.repo.head()
        request = f"{commit}{',prune' if step.prune else ''};by=walk;at={self._requests}"
        await self.theatre.annotate(step.app, sync=request)
        self.asked = (step.app, request)

    async def _offered(self, name: str) -> bool:
        hub, key = self.theatre.hub, ApplicationKey(names.HUB_NAMESPACE, name)
        record = hub.reconciler.records.get(key)
        if record is None or not record.begun:
            return False
        targets = [TargetKey(key, cluster) for cluster in record.served]
        return all(hub.roster.offered(target) is not None for target in targets)

    # --- what stands behind them --------------------------------------------------------------------------

    async def _register(self, name: str, labels: Any) -> None:
        kubeconfig = self.proxies[name].kubeconfig(self.theatre.folder)
        await self.theatre.register(name, dict(labels), kubeconfig=kubeconfig)

    async def _application(self, app: App) -> None:
        spec = self._spec(app)
        if app.name == ROOT:
            spec |= {"placement": {"hub": True}, "namespace": names.HUB_NAMESPACE}
        await self.theatre.application(app.name, **spec)

    def _spec(self, app: App) -> dict[str, Any]:
        labels = {app.selector.key: app.selector.value} if app.selector.key else {}
        automated = {"prune": app.policy.prune, "selfHeal": app.policy.heal}
        return {
            "source": {"repoURL": self.theatre.repo.url, "targetRevision": "main", "path": app.path},
            "placement": {"clusterSelector": {"matchLabels": labels} if labels else {}},
            "namespace": self.theatre.namespace,
            "syncPolicy": {
                **({"automated": automated} if app.policy.automated else {}),
                "retry": {"backoff": {"duration": "1s", "maxDuration": "1s"}},
            },
        }

    def _text(self, content: Content) -> str:
        match content:
            case Thing(ref=ref):
                body = _content(content)
                if ref.kind == "Deployment":
                    return deployment(ref.name, content.value)
                if ref.kind == "ConfigMap":
                    return config(ref.name, **body["data"])
                return manifest(ref.kind, ref.name, **body)
            case Broken():
                return f"kind: [broken-{content.number}\n"
            case Base():
                return "resources: [gone.yaml]\n"
            case App():
                return manifest("Application", content.name, spec=self._spec(content))
        return "no manifest\n"

    async def _foreign(self, cluster: str, app: str) -> None:
        """Objects of others: a plain one, one that copied what is ours, one of a release."""
        api, place = self.theatre.members[cluster], self.theatre.namespace
        own = set_id(TargetKey(ApplicationKey(names.HUB_NAMESPACE, app), cluster))
        copied = {"labels": {names.APPLYSET_PART_OF: own}, "annotations": {names.MANIFEST: "copied"}}
        release = {
            "labels": {"app.kubernetes.io/managed-by": "Helm"},
            "annotations": {"meta.helm.sh/release-name": "theirs", "meta.helm.sh/release-namespace": place},
        }
        marks: tuple[dict[str, Any], ...] = ({}, copied, release)
        for name, more in zip(FOREIGN, marks, strict=True):
            metadata = {"name": name, "namespace": place, **more}
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": "theirs"}}
            await api.create(body, "somebody")


def digest(lines: Lines, namespace: str) -> str:
    """The guard's name of a set."""
    refs = ((cluster, ObjectRef(GROUPS[ref.kind], ref.kind, namespace, ref.name)) for cluster, ref in lines)
    return guard.digest(guard.line(cluster, ref) for cluster, ref in refs)


def _content(thing: Thing) -> dict[str, Any]:
    """The part of an object that holds its value."""
    if thing.ref.kind == "Deployment":
        return {"spec": {"replicas": thing.value}}
    text = str(thing.value)
    return {"data": {"k": base64.b64encode(text.encode()).decode() if thing.ref.kind == "Secret" else text}}


def value_of(kind: str, body: dict[str, Any]) -> int | str:
    """The value of a live object."""
    if kind == "Deployment":
        return int(body["spec"]["replicas"])
    text = str((body.get("data") or {}).get("k", ""))
    if kind == "Secret":
        text = base64.b64decode(text).decode()
    return int(text) if text.isdigit() else text
