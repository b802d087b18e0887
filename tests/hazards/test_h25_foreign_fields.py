"""H25: what people add to an object of ours is shown, and taken away only where an Application says so."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from fleet import names
from tests.integration.test_cli import fleethub
from tests.stage.api import holds, until
from tests.stage.seams import Guillotine, Journal, watched
from tests.stage.theatre import Theatre, deployment, manifest

STRICT: dict[str, Any] = {"automated": {"prune": True, "selfHeal": True, "strict": True}}
POD = "/spec/template/spec"
ADD: list[dict[str, Any]] = [
    {"op": "add", "path": f"{POD}/containers/0/env", "value": [{"name": "X", "value": "1"}]},
    {"op": "add", "path": f"{POD}/containers/-", "value": {"name": "shell", "image": "busybox"}},
    {"op": "add", "path": f"{POD}/hostNetwork", "value": True},
    {"op": "add", "path": "/metadata/annotations/note", "value": "mine"},
    {"op": "add", "path": "/metadata/labels/team", "value": "mine"},
]
SIDECAR = [{"op": "add", "path": f"{POD}/containers/-", "value": {"name": "proxy", "image": "p"}}]
REVISION = {"metadata": {"annotations": {"deployment.kubernetes.io/revision": "7"}}}


async def begin(
    theatre: Theatre, journal: Journal | None = None, *, guillotine: Guillotine | None = None, **spec: Any
) -> None:
    """A Deployment that Git holds, an injector's sidecar in it, and a controller's annotation on it."""
    theatre.repo.commit({"apps/app/web.yaml": deployment()})
    await theatre.register("eu")
    await theatre.start(watched(journal or Journal(), guillotine))
    await theatre.application(**spec)
    await theatre.synced()
    member = theatre.members["eu"]
    await member.patch("Deployment", "web", theatre.namespace, SIDECAR, "injector")
    await member.patch("Deployment", "web", theatre.namespace, REVISION, "kube-controller-manager")


async def live(theatre: Theatre) -> dict[str, Any]:
    found = await theatre.members["eu"].get("Deployment", "web", theatre.namespace)
    assert found is not None
    return found


async def added(theatre: Theatre) -> set[str]:
    """Which of the additions are there."""
    found = await live(theatre)
    pod = found["spec"]["template"]["spec"]
    told = {one["name"] for one in pod["containers"]} - {"web"}
    told |= {"env"} if any(one.get("env") for one in pod["containers"]) else set()
    told |= {"network"} if pod.get("hostNetwork") else set()
    told |= {"note"} & found["metadata"]["annotations"].keys()
    return told | ({"team"} & found["metadata"]["labels"].keys())


async def cleaned(theatre: Theatre) -> None:
    async def look() -> bool:
        return await added(theatre) == {"proxy"}

    await until(look, what="what a person added is gone, and what an injector did is not")
    found = await live(theatre)
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "7"
    assert found["spec"]["replicas"] == 2

    async def calm() -> bool:
        return await theatre.condition("app", "ForeignFields") is None

    await until(calm, what="nothing is told any more")


async def edit(theatre: Theatre, patch: Any = ADD, manager: str = "kubectl-edit") -> None:
    await theatre.members["eu"].patch("Deployment", "web", theatre.namespace, patch, manager)


async def test_what_a_person_adds_is_shown_with_who_and_when_and_is_no_drift(theatre: Theatre) -> None:
    """H25: the rule is ``fleet.ownership.foreign.found``."""
    await begin(theatre)
    assert await theatre.condition("app", "ForeignFields") is None, "controllers and injectors are no people"
    await edit(theatre)
    version = (await live(theatre))["metadata"]["resourceVersion"]
    message = await theatre.told("app", "ForeignFields", "5 fields", "kubectl-edit", "hostNetwork")
    assert f"{theatre.namespace}/web" in message
    status = await theatre.status()
    assert status["sync"] == "Synced"
    conditions = {one["type"]: one["status"] for one in status["conditions"]}
    assert conditions["Stalled"] == "False"
    assert "Contested" not in conditions
    assert (await live(theatre))["metadata"]["resourceVersion"] == version, "nothing was written"
    told = (await fleethub(theatre, "app", "get", "app", "-o", "json")).json["live"]["targets"][0]
    (one,) = told["foreignFields"]
    assert (one["object"], one["manager"]) == (f"Deployment.apps {theatre.namespace}/web", "kubectl-edit")
    assert one["at"].startswith("20")
    assert one["fields"] == [
        "metadata.annotations.note",
        "metadata.labels.team",
        "spec.template.spec.containers[name=shell]",
        "spec.template.spec.containers[name=web].env[name=X]",
        "spec.template.spec.hostNetwork",
    ]
    for verb in ("get", "resources"):
        text = (await fleethub(theatre, "app", verb, "app")).out
        assert "added by hand" in text
        assert "containers[name=shell]" in text
    (row,) = (await fleethub(theatre, "app", "resources", "app", "-o", "json")).json["items"]
    assert row["foreignFields"][0]["manager"] == "kubectl-edit"
    # It follows what people do.
    gone = [{"op": "remove", "path": f"{POD}/hostNetwork"}, {"op": "remove", "path": f"{POD}/containers/2"}]
    await edit(theatre, [{"op": "test", "path": f"{POD}/containers/2/name", "value": "shell"}, *gone])
    await until(lambda: fewer(theatre, "3 fields"), what="three are left")
    rest = {
        "metadata": {"annotations": {"note": None}, "labels": {"team": None}},
    }
    await edit(theatre, rest)
    await edit(theatre, [{"op": "remove", "path": f"{POD}/containers/0/env"}])

    async def calm() -> bool:
        return await theatre.condition("app", "ForeignFields") is None

    await until(calm, what="nothing is told any more")


async def fewer(theatre: Theatre, words: str) -> bool:
    found = await theatre.condition("app", "ForeignFields")
    return found is not None and words in found["message"]


async def test_a_strict_application_takes_away_what_people_add_and_nothing_of_controllers(
    theatre: Theatre,
) -> None:
    """H25: the rule is ``fleet.sync.strict.strip``, asked for by ``fleet.worker.heal.strip``."""
    journal = Journal()
    await begin(theatre, journal, syncPolicy=STRICT)
    mine = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "mine", "namespace": theatre.namespace},
        "data": {"a": "1"},
    }
    await theatre.members["eu"].create(mine)
    await edit(theatre)
    await cleaned(theatre)
    assert await theatre.members["eu"].get("ConfigMap", "mine", theatre.namespace) is not None

    async def named() -> bool:
        events = await theatre.api.list("Event", names.HUB_NAMESPACE)
        return any(
            event["reason"] == "DriftHealed"
            and "added by kubectl-edit" in event["message"]
            and "taken away" in event["message"]
            and f"{theatre.namespace}/web" in event["message"]
            for event in events
        )

    await until(named, what="an Event names who added what")
    # A scale through its subresource and a restart are requests that are served, and stay as they are.
    await edit(theatre, restart(), "kubectl-rollout")
    writes = len(journal.writes)
    await holds(lambda: quiet(journal, writes), 1.5, what="nothing is written")
    assert (await live(theatre))["spec"]["template"]["metadata"]["annotations"]


def restart() -> dict[str, Any]:
    note = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
    return {"spec": {"template": {"metadata": {"annotations": note}}}}


async def quiet(journal: Journal, writes: int) -> bool:
    deployments = [one for one in journal.writes[writes:] if "/deployments/" in one]
    return not deployments


async def test_what_was_added_while_the_hub_was_down_goes_too(theatre: Theatre) -> None:
    """H25: the rule is ``fleet.worker.applying.blemished``: such an object is not settled."""
    await begin(theatre, syncPolicy=STRICT)
    await theatre.stop()
    await edit(theatre)
    await theatre.start()
    await cleaned(theatre)
    await theatre.synced()


@pytest.mark.parametrize("number", [2, 3, 4])
async def test_a_hub_that_dies_while_it_takes_something_away_leaves_it_to_the_next(
    theatre: Theatre, number: int
) -> None:
    """H25: the rule is ``fleet.worker.recover.settled``: an entry that gained fields breaks the seal.

    The writes are the apply, the patch that moves the fields into our entry, and the apply that takes them away.
    """
    path = f"eu PATCH /apis/apps/v1/namespaces/{theatre.namespace}/deployments/web"
    guillotine = Guillotine(f"{path} #{number}", after=True)
    await begin(theatre, guillotine=guillotine, syncPolicy=STRICT)
    await edit(theatre)
    await asyncio.wait_for(guillotine.fallen.wait(), 20)
    await theatre.stop()
    await theatre.api.delete("Lease", names.HUB_LEASE, names.HUB_NAMESPACE)
    await theatre.start(watched(Journal()))
    await cleaned(theatre)
    await theatre.synced()


async def test_strictness_that_comes_later_cleans_what_is_there(theatre: Theatre) -> None:
    """H25: the rule is ``fleet.worker.applying.blemished``."""
    await begin(theatre)
    await edit(theatre)
    await theatre.told("app", "ForeignFields", "5 fields")
    await theatre.application(syncPolicy=STRICT)
    await cleaned(theatre)


async def test_somebody_who_adds_it_again_and_again_is_named_and_met_more_and_more_seldom(
    theatre: Theatre,
) -> None:
    """H25: the rule is ``fleet.ownership.fights.after``, which damps what ``fleet.worker.heal.strip`` asks for."""
    journal = Journal()
    await begin(theatre, journal, syncPolicy=STRICT)

    async def stubborn() -> None:
        while True:
            if "network" not in await added(theatre):
                await edit(theatre, [{"op": "add", "path": f"{POD}/hostNetwork", "value": True}])
            await asyncio.sleep(0.05)

    before = len(journal.writes)
    task = asyncio.ensure_future(stubborn())
    try:
        message = await theatre.told("app", "Contested", "kubectl-edit", "hostNetwork", timeout=30)
        assert f"{theatre.namespace}/web" in message
        assert (await theatre.condition("app", "Stalled")) is not None
        applies = [one for one in journal.writes[before:] if "/deployments/web" in one]
        # Two of them for each of at most four times: merge and apply, and the apply before.
        assert len(applies) <= 12
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_what_cannot_be_taken_away_is_said_and_not_tried_for_ever(theatre: Theatre) -> None:
    """H25: the rule is in ``fleet.sync.strict.strip``, which gives back what the server does not let go."""
    claim = manifest(
        "PersistentVolumeClaim",
        "disk",
        spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    )
    journal = Journal()
    theatre.repo.commit({"apps/app/disk.yaml": claim})
    await theatre.register("eu")
    await theatre.start(watched(journal))
    await theatre.application(syncPolicy=STRICT)
    await theatre.synced()
    slow = {"spec": {"storageClassName": "slow"}, "metadata": {"annotations": {"note": "mine"}}}
    await theatre.members["eu"].patch("PersistentVolumeClaim", "disk", theatre.namespace, slow)
    message = await theatre.told("app", "ForeignFields", "storageClassName", "refuses", "automated.strict")
    assert "note" not in message, "what can go is gone"
    assert (await theatre.status())["sync"] == "Synced"
    writes = len(journal.writes)

    async def calm() -> bool:
        return not [one for one in journal.writes[writes:] if "/persistentvolumeclaims/" in one]

    await holds(calm, 3, what="it is not tried again")
    # The next change from Git goes through as ever.
    commit = theatre.repo.commit(
        {"apps/app/disk.yaml": claim.replace('"name":"disk"', '"name":"disk","labels":{"a":"b"}')}
    )
    await theatre.synced(commit=commit)
    found = await theatre.members["eu"].get("PersistentVolumeClaim", "disk", theatre.namespace)
    assert found is not None
    assert found["metadata"]["labels"]["a"] == "b"
    assert found["spec"]["storageClassName"] == "slow"
    patch = {"metadata": {"finalizers": None}}
    await theatre.members["eu"].patch("PersistentVolumeClaim", "disk", theatre.namespace, patch)


async def test_a_tool_that_the_hub_is_told_of_counts_as_a_person(theatre: Theatre) -> None:
    """H25: the rule is ``fleet.ownership.foreign.Hands.has``; the list is the setting ``interactive_manager``."""
    theatre.settings["interactive_manager"] = ("k9s*",)
    await begin(theatre)
    await edit(theatre, [ADD[2]], "some-operator")
    await edit(theatre, [ADD[3]], "k9s")
    message = await theatre.told("app", "ForeignFields", "by k9s", "metadata.annotations.note")
    assert "hostNetwork" not in message
