"""H10: what field ownership cannot show: values changed uncharged, answers that nobody read, events in between."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from fleet import names
from fleet.errors import Unanswered
from fleet.hub.seams import Seams
from fleet.kube.client import Client
from fleet.kube.request import Answer, Request
from tests.stage.api import holds, until
from tests.stage.theatre import Theatre, config, deployment

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
Way = Callable[[Request, Callable[[], Awaitable[Answer]]], Awaitable[Answer]]


class Wayside:
    """What happens to requests about one object on their way; ``sent`` are all that went out."""

    def __init__(self, about: str = "/configmaps/a") -> None:
        self.ending = about
        self.way: Way | None = None
        self.sent: list[Request] = []

    def seams(self) -> Seams:
        def client(*given: Any, **named: Any) -> Client:
            return WaysideClient(self, *given, **named)

        return Seams(client=client_of(client))

    def verbs(self) -> list[str]:
        return [one.verb for one in self.sent if one.path.endswith(self.ending)]


def client_of(make: Callable[..., Client]) -> Any:
    def client(connection: Any, cluster: str, budget: Any, permit: Any, observe: Any, clock: Any) -> Client:
        return make(connection, cluster=cluster, budget=budget, permit=permit, observe=observe, clock=clock)

    return client


class WaysideClient(Client):
    """The real door, with somebody beside the way."""

    def __init__(self, wayside: Wayside, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._wayside = wayside

    async def send(self, request: Request) -> Answer:
        async def go() -> Answer:
            return await super(WaysideClient, self).send(request)

        self._wayside.sent.append(request)
        if self._wayside.way is None or not request.path.endswith(self._wayside.ending):
            return await go()
        return await self._wayside.way(request, go)


async def begin(theatre: Theatre, wayside: Wayside | None = None, **settings: Any) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await theatre.register("eu")
    await theatre.start((wayside or Wayside()).seams(), **settings)
    await theatre.application()
    await theatre.synced()


async def live(theatre: Theatre) -> dict[str, Any]:
    found = await theatre.members["eu"].get("ConfigMap", "a", theatre.namespace)
    assert found is not None
    return found


async def is_(theatre: Theatre, value: str) -> bool:
    return bool((await live(theatre))["data"] == {"k": value})


async def test_a_value_that_a_policy_changed_uncharged_is_put_back_by_the_audit(theatre: Theatre) -> None:
    """H10 (a): the rule is ``fleet.worker.audit.keep``; a mutating policy acts on somebody else's request."""
    member = theatre.members["eu"]
    name = f"meddler-{theatre.number}"
    await begin(theatre)
    ours = entry(await live(theatre))
    # What is sealed is believed at a start, without a request.
    await until(lambda: sealed(theatre), 30, what="the parent is sealed")
    await member.send(post("mutatingadmissionpolicies", policy(name)))
    await member.send(post("mutatingadmissionpolicybindings", binding(name, theatre.namespace)))
    try:
        note = {"metadata": {"annotations": {"note": "mine"}}}

        async def meddled() -> bool:
            await member.patch("ConfigMap", "a", theatre.namespace, note, "labeller")
            return await is_(theatre, "meddled")

        await until(meddled, 30, what="the policy is at work", interval=0.2)
        assert entry(await live(theatre)) == ours, (
            "nobody was charged with it: neither the fields nor the time"
        )
        await holds(lambda: is_(theatre, "meddled"), 1.5, what="nothing shows")
        assert (await theatre.status())["sync"] == "Synced"
        await theatre.stop()
        # A start alone believes the seal; the audit does not.
        await theatre.start(audit_interval=3)
        await until(lambda: is_(theatre, "1"), 30, what="the audit puts it back")
        await theatre.synced()
    finally:
        await theatre.stop()
        for plural in ("mutatingadmissionpolicybindings", "mutatingadmissionpolicies"):
            await member.send(Request("DELETE", f"{ADMISSION}/{plural}/{name}"))


async def sealed(theatre: Theatre) -> bool:
    parents = await theatre.members["eu"].list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)
    return [names.SET_SEAL in one["metadata"]["annotations"] for one in parents] == [True]


def entry(found: dict[str, Any]) -> tuple[Any, str]:
    (ours,) = [one for one in found["metadata"]["managedFields"] if one["manager"] == names.FIELD_MANAGER]
    return ours["fieldsV1"], ours["time"]


def post(plural: str, body: dict[str, Any]) -> Request:
    return Request("POST", f"{ADMISSION}/{plural}", body=orjson.dumps(body))


def policy(name: str) -> dict[str, Any]:
    """Change a value of a ConfigMap whenever ``labeller`` writes to it."""
    rules = [
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["configmaps"]}
    ]
    change = '[JSONPatch{op: "replace", path: "/data/k", value: "meddled"}]'
    by = "has(request.options.fieldManager) && request.options.fieldManager == 'labeller'"
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": rules},
            "matchConditions": [{"name": "by", "expression": by}],
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": change}}],
        },
    }


def binding(name: str, namespace: str) -> dict[str, Any]:
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "matchResources": {"namespaceSelector": selector}},
    }


async def test_an_object_whose_answer_was_not_read_is_read_again_before_anything_is_concluded(
    theatre: Theatre,
) -> None:
    """H10: the rule is ``fleet.worker.ledger.Ledger.write``, which makes such an object unknown."""
    wayside = Wayside()
    await begin(theatre, wayside)
    armed = True

    async def unread(request: Request, go: Callable[[], Awaitable[Answer]]) -> Answer:
        nonlocal armed
        answer = await go()
        if armed and request.writes:
            armed = False
            raise Unanswered("the connection broke before the answer came", ref=request.ref)
        return answer

    wayside.way = unread
    wayside.sent.clear()
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
    await theatre.synced(commit=commit)
    assert await is_(theatre, "2")
    verbs = wayside.verbs()
    first = verbs.index("PATCH")
    assert "PATCH" in verbs[first + 1 :], "it is applied again"
    assert verbs[first + 1] == "GET", "and read before that"


async def test_what_a_watch_brings_while_a_write_is_in_flight_is_not_taken_for_drift(
    theatre: Theatre,
) -> None:
    """H10: the rule is ``fleet.worker.ledger.Ledger.held``, which the observer asks for each event.

    A heal that is taken for somebody's change, since its event came before its answer, would hide whom we fight.
    """
    wayside = Wayside("/deployments/web")
    theatre.repo.commit({"apps/app/web.yaml": deployment(replicas=2)})
    await theatre.register("eu")
    await theatre.start(wayside.seams())
    await theatre.application()
    await theatre.synced()

    async def late(request: Request, go: Callable[[], Awaitable[Answer]]) -> Answer:
        answer = await go()
        if request.writes:
            await asyncio.sleep(0.7)  # the watch has long brought what this write did
        return answer

    wayside.way = late
    member = theatre.members["eu"]

    async def scaler() -> None:
        while True:
            found = await member.get("Deployment", "web", theatre.namespace)
            if found and found["spec"]["replicas"] != 9:
                await member.scale("web", theatre.namespace, 9, "autoscaler")
            await asyncio.sleep(0.25)

    task = asyncio.ensure_future(scaler())
    try:
        await theatre.told("app", "Contested", "autoscaler", "spec.replicas", timeout=30)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_write_that_is_late_never_lands_after_its_successor(theatre: Theatre) -> None:
    """H10 (c): the rule is ``fleet.worker.ledger.Ledger.write``: one write an object in flight."""
    wayside = Wayside()
    await begin(theatre, wayside)
    await theatre.application("other")
    theatre.repo.commit({"apps/other/keep.yaml": config("keep", k="1"), "apps/app/stay.yaml": config("stay")})
    await theatre.synced("other")
    await theatre.synced()
    begun = asyncio.Event()
    flying, most = 0, 0

    async def slow(request: Request, go: Callable[[], Awaitable[Answer]]) -> Answer:
        nonlocal flying, most
        if not request.writes:
            return await go()
        flying, most = flying + 1, max(most, flying + 1)
        try:
            if not begun.is_set():
                begun.set()
                await asyncio.sleep(6)  # on its way, while all that follows could overtake it
            return await go()
        finally:
            flying -= 1

    wayside.way = slow
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
    await asyncio.wait_for(begun.wait(), 20)
    # The object goes to another Application, whose pass knows nothing of the write under way.
    commit = theatre.repo.commit({"apps/app/a.yaml": None, "apps/other/a.yaml": config("a", k="3")})
    await theatre.synced("other", commit, timeout=40)
    await until(lambda: is_(theatre, "3"), what="it is as Git says")
    assert most == 1


async def test_a_change_under_our_own_name_in_a_later_second_is_seen(theatre: Theatre) -> None:
    """H10 (c): the rule is ``fleet.ownership.drift.judge``, which compares the time of our entry too."""
    await begin(theatre)
    found = await live(theatre)
    (ours,) = [one for one in found["metadata"]["managedFields"] if one["manager"] == names.FIELD_MANAGER]
    forged: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "a",
            "namespace": theatre.namespace,
            "labels": found["metadata"]["labels"],
            "annotations": found["metadata"]["annotations"],
        },
    }

    tries = itertools.count()

    async def other_second() -> bool:
        forged["data"] = {"k": f"forged {next(tries)}"}  # the same twice would be no write
        written = await theatre.members["eu"].apply(forged, names.FIELD_MANAGER)
        (now,) = [
            one for one in written["metadata"]["managedFields"] if one["manager"] == names.FIELD_MANAGER
        ]
        assert now["fieldsV1"] == ours["fieldsV1"], "the fields tell nothing"
        return bool(now["time"] != ours["time"])

    await until(other_second, what="it was written in another second", interval=0.3)
    await until(lambda: is_(theatre, "1"), what="it is put back")
