"""H2: nothing is removed while anything is in doubt, and a delete proves what it was decided on."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import orjson

from fleet import names
from fleet.errors import NotFound
from fleet.kube.request import Request
from fleet.model import ApplicationKey, TargetKey, Withdrawal
from tests.hazards.scene import begin, gone, has, hurried, live, uid
from tests.stage.api import Api, until
from tests.stage.seams import Meddler, meddled
from tests.stage.theatre import Theatre, config, definition, deployment, manifest, manifest_of


async def two(theatre: Theatre, **settings: Any) -> None:
    """An Application with two ConfigMaps, synced."""
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1"), "apps/app/b.yaml": config("b", k="1")})
    await begin(theatre, **settings)
    await theatre.application()
    await theatre.synced()


async def test_a_file_that_does_not_parse_removes_nothing_its_own_object_least(theatre: Theatre) -> None:
    """H2: the rule is ``fleet.sync.gate.holds``, which counts the faults of the desired set."""
    await two(theatre)
    before = await uid(theatre, "ConfigMap", "a"), await uid(theatre, "ConfigMap", "b")
    # A typo in one file and, in the same commit, a file that really goes.
    commit = theatre.repo.commit(
        {
            "apps/app/a.yaml": "kind: ConfigMap\n  name: [\n",
            "apps/app/b.yaml": None,
            "apps/app/c.yaml": config("c", k="1"),
        }
    )
    await theatre.told("app", "PruneWaits", "cannot be used")
    await has(theatre, "c", k="1")
    assert (await uid(theatre, "ConfigMap", "a"), await uid(theatre, "ConfigMap", "b")) == before
    # Once it parses, the one that was meant to go does, and only that.
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
    await theatre.synced(commit=commit)
    await theatre.nowhere("ConfigMap", "b", ("eu",))
    assert await uid(theatre, "ConfigMap", "a") == before[0]


async def test_a_renamed_object_whose_new_name_is_refused_keeps_its_old_one(theatre: Theatre) -> None:
    """H2: the rule is ``fleet.sync.gate.holds``, which counts the objects that could not be applied."""
    await two(theatre)
    member = theatre.members["eu"]
    await quota(member, theatre.namespace, 2)
    before = await uid(theatre, "ConfigMap", "b")
    commit = theatre.repo.commit({"apps/app/b.yaml": None, "apps/app/new.yaml": config("new", k="1")})
    await theatre.told("app", "PruneWaits", f"{theatre.namespace}/new")
    assert await uid(theatre, "ConfigMap", "b") == before
    assert await live(theatre, "ConfigMap", "new") is None
    await member.delete("ResourceQuota", "few", theatre.namespace)
    await theatre.synced(commit=commit)
    await has(theatre, "new", k="1")
    await theatre.nowhere("ConfigMap", "b", ("eu",))


async def quota(member: Api, namespace: str, most: int) -> None:
    """Allow so many ConfigMaps; its controller does not run here, so what is used is told by hand."""
    hard = {"count/configmaps": str(most)}
    metadata = {"name": "few", "namespace": namespace}
    await member.apply(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}}
    )
    await member.patch(
        "ResourceQuota", "few/status", namespace, {"status": {"hard": hard, "used": hard}}, "controller"
    )

    async def refused() -> bool:
        try:
            await member.create(
                orjson.loads(config("probe")) | {"metadata": {"name": "probe", "namespace": namespace}}
            )
        except Exception:  # noqa: BLE001 (refused, in whatever words)
            return True
        await member.delete("ConfigMap", "probe", namespace)
        return False

    await until(refused, what="the quota holds")


async def test_an_aggregated_api_that_does_not_answer_removes_nothing_and_is_waited_for(
    theatre: Theatre,
) -> None:
    """H2: the rule is ``fleet.sync.gate.holds``, which counts groups that discovery calls stale."""
    group = f"stale{theatre.number}.test"
    member = theatre.members["eu"]
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 1}}
    await member.apply(definition(group))
    try:
        theatre.repo.commit(
            {
                "apps/app/a.yaml": config("a", k="1"),
                "apps/app/b.yaml": config("b", k="1"),
                "apps/app/w.yaml": manifest_of(widget),
            }
        )
        await begin(theatre)
        await theatre.application()
        await theatre.synced()
        await theatre.stop()
        await dead(member, group)
        before = await uid(theatre, "ConfigMap", "b")
        commit = theatre.repo.commit({"apps/app/b.yaml": None, "apps/app/w.yaml": None})
        await theatre.start()
        await theatre.told("app", "PruneWaits", group)
        assert await uid(theatre, "ConfigMap", "b") == before
        # The server of the group comes back: what waited goes on by itself.
        await alive(member, group)
        async with hurried(theatre):  # a sign of life is asked for every 15 s
            await theatre.synced(commit=commit)
        await theatre.nowhere("ConfigMap", "b", ("eu",))
        assert await member.get(f"widgets.{group}", "w", theatre.namespace) is None
    finally:
        await theatre.stop()
        await member.delete("APIService", f"v1.{group}")
        await member.delete("CustomResourceDefinition", f"widgets.{group}")


async def dead(member: Api, group: str) -> None:
    """Have the group served by a server that does not answer, as an aggregated API has it."""
    service = {"name": "nobody", "namespace": "default", "port": 443}
    metadata: dict[str, Any] = {"labels": {"kube-aggregator.kubernetes.io/automanaged": None}}
    spec = {"service": service, "insecureSkipTLSVerify": True}
    await member.patch("APIService", f"v1.{group}", "", {"metadata": metadata, "spec": spec})
    await until(lambda: fresh(member, group, "Stale"), 30, what="the server calls the group stale")


async def alive(member: Api, group: str) -> None:
    """Have it served by the API server itself again, which registers its own groups."""
    await member.delete("APIService", f"v1.{group}")
    await until(lambda: fresh(member, group, "Current"), 30, what="the group is served again")


async def fresh(member: Api, group: str, wanted: str) -> bool:
    """Whether discovery calls a group so."""
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
    answer = orjson.loads((await member.send(Request("GET", "/apis", accept=accept))).body)
    for item in answer["items"]:
        if item["metadata"]["name"] == group:
            return all(version.get("freshness") == wanted for version in item["versions"])
    return False


async def test_a_kind_that_may_not_be_listed_holds_everything_that_git_dropped(theatre: Theatre) -> None:
    """H2: the rule is ``fleet.sync.gate.holds``, which counts kinds that were not completely listed."""
    member = theatre.members["eu"]
    user = f"narrow-{theatre.number}"
    kubeconfig = theatre.planes.members["eu"].kubeconfig_for(user)
    await granted(member, user, secrets=True)
    theatre.repo.commit(
        {
            "apps/app/a.yaml": config("a", k="1"),
            "apps/app/b.yaml": config("b", k="1"),
            "apps/app/s.yaml": manifest("Secret", "s", stringData={"p": "v"}),
        }
    )
    await theatre.register("eu", kubeconfig=kubeconfig)
    try:
        await theatre.start()
        await theatre.application()
        await theatre.synced()
        await theatre.stop()
        await granted(member, user, secrets=False)
        before = await uid(theatre, "ConfigMap", "b"), await uid(theatre, "Secret", "s")
        commit = theatre.repo.commit({"apps/app/b.yaml": None, "apps/app/s.yaml": None})
        await theatre.start()
        await theatre.told("app", "PruneWaits", "Secret")
        assert (await uid(theatre, "ConfigMap", "b"), await uid(theatre, "Secret", "s")) == before
        await granted(member, user, secrets=True)
        theatre.hub.clock.advance(60.0)  # past the wait before the next list
        await theatre.synced(commit=commit)
        await theatre.nowhere("Secret", "s", ("eu",))
        await theatre.nowhere("ConfigMap", "b", ("eu",))
    finally:
        await theatre.stop()
        for kind in ("ClusterRoleBinding", "ClusterRole"):
            await member.delete(kind, user)


async def granted(member: Api, user: str, *, secrets: bool) -> None:
    """Let the user do what a hub does; with Secrets, list them too."""
    group = "rbac.authorization.k8s.io"
    everything = {
        "apiGroups": ["*"],
        "resources": ["*"],
        "verbs": ["get", "create", "patch", "update", "delete"],
    }
    reading = ["list", "watch"]
    rules: list[dict[str, Any]] = [
        everything,
        {"apiGroups": [""], "resources": ["configmaps", "namespaces"], "verbs": reading},
        {"nonResourceURLs": ["*"], "verbs": ["get"]},
    ]
    if secrets:
        rules.append({"apiGroups": [""], "resources": ["secrets"], "verbs": reading})
    await member.apply(
        {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": user}, "rules": rules}
    )
    await member.apply(
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": user},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": user},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        }
    )


async def test_a_definition_that_somebody_deleted_takes_nothing_else_with_it(theatre: Theatre) -> None:
    """H2: the rule is ``fleet.sync.gate.holds``: a manifest whose kind is not served is a fault, not a gap."""
    group = f"gone{theatre.number}.test"
    member = theatre.members["eu"]
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 1}}
    await member.apply(definition(group))
    theatre.repo.commit(
        {
            "apps/app/a.yaml": config("a", k="1"),
            "apps/app/b.yaml": config("b", k="1"),
            "apps/app/w.yaml": manifest_of(widget),
        }
    )
    await begin(theatre)
    await theatre.application()
    await theatre.synced()
    before = await uid(theatre, "ConfigMap", "a"), await uid(theatre, "ConfigMap", "b")
    await member.delete("CustomResourceDefinition", f"widgets.{group}")
    await theatre.stop()
    theatre.repo.commit({"apps/app/b.yaml": None})
    await theatre.start()
    await theatre.told("app", "PruneWaits", "cannot be used")
    await theatre.told("app", "SyncFailed", "Widget")
    assert (await uid(theatre, "ConfigMap", "a"), await uid(theatre, "ConfigMap", "b")) == before
    # It is there again: its object too, and what Git dropped goes.
    await member.apply(definition(group))
    try:
        await theatre.synced()
        await theatre.nowhere("ConfigMap", "b", ("eu",))
        assert await member.get(f"widgets.{group}", "w", theatre.namespace)
    finally:
        await theatre.stop()
        await member.delete("CustomResourceDefinition", f"widgets.{group}")


async def test_an_object_made_anew_between_decision_and_delete_is_not_the_one_that_dies(
    theatre: Theatre,
) -> None:
    """H2: the rule is ``fleet.sync.delete.delete``, which names UID and resourceVersion of what was read."""
    meddler = Meddler()
    await two(theatre, seams=meddled(meddler))
    member = theatre.members["eu"]
    swapped = asyncio.Event()

    async def swap(_: str, request: Request) -> None:
        if request.verb == "DELETE" and request.path.endswith("/configmaps/b") and not swapped.is_set():
            swapped.set()
            await member.delete("ConfigMap", "b", theatre.namespace)
            metadata = {"name": "b", "namespace": theatre.namespace}
            await member.create(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": "mine"}}
            )

    meddler.before = swap
    commit = theatre.repo.commit({"apps/app/b.yaml": None})
    await theatre.synced(commit=commit)
    assert swapped.is_set()
    found = await live(theatre, "ConfigMap", "b")
    assert found is not None
    assert found["data"] == {"k": "mine"}


async def test_an_object_released_between_decision_and_delete_stays(theatre: Theatre) -> None:
    """H2: the rule is ``fleet.sync.delete.delete``: what was written since it was read is read again."""
    meddler = Meddler()
    await two(theatre, seams=meddled(meddler))
    before = await uid(theatre, "ConfigMap", "b")
    released = asyncio.Event()

    async def release(_: str, request: Request) -> None:
        if request.verb == "DELETE" and request.path.endswith("/configmaps/b") and not released.is_set():
            released.set()
            labels = {"metadata": {"labels": {names.APPLYSET_PART_OF: None}}}
            await theatre.members["eu"].patch("ConfigMap", "b", theatre.namespace, labels)

    meddler.before = release
    commit = theatre.repo.commit({"apps/app/b.yaml": None})
    await theatre.synced(commit=commit)
    assert released.is_set()
    assert await uid(theatre, "ConfigMap", "b") == before


APP = TargetKey(ApplicationKey(names.HUB_NAMESPACE, "app"), "eu")


class Halfway:
    """Stops a hub between the two stages of a deletion: the Deployment is deleted, the ConfigMap ``b`` is not yet."""

    def __init__(self) -> None:
        self.meddler = Meddler(before=self._before)
        self.reached, self.on = asyncio.Event(), asyncio.Event()

    async def _before(self, _: str, request: Request) -> None:
        if any(one.verb == "DELETE" for one in self.meddler.writes("eu")) and request.path.endswith(
            "/configmaps/b"
        ):
            self.reached.set()
            await self.on.wait()


async def halfway(theatre: Theatre) -> Halfway:
    """An Application with three objects, synced, that can be stopped so."""
    found = Halfway()
    theatre.repo.commit(
        {
            "apps/app/a.yaml": config("a", k="1"),
            "apps/app/b.yaml": config("b", k="1"),
            "apps/app/d.yaml": deployment("d", 1),
        }
    )
    await begin(theatre, seams=meddled(found.meddler))
    await theatre.application()
    await theatre.synced()
    return found


async def test_a_pause_stops_deletions_that_have_begun(theatre: Theatre) -> None:
    """H2: the rule is ``fleet.worker.member.Member.door``, which is shut while the cluster is paused."""
    stopped = await halfway(theatre)
    before = await uid(theatre, "ConfigMap", "b")
    commit = theatre.repo.commit({"apps/app/b.yaml": None, "apps/app/d.yaml": None})
    await asyncio.wait_for(stopped.reached.wait(), 20)
    await pause(theatre, on=True)
    stopped.on.set()
    await until(lambda: ended(theatre), what="the pass in hand has ended")
    await theatre.told("app", "Paused", "eu")
    assert await live(theatre, "Deployment", "d") is None
    assert await uid(theatre, "ConfigMap", "b") == before
    await pause(theatre, on=False)
    await theatre.nowhere("ConfigMap", "b", ("eu",))
    await theatre.synced(commit=commit)


async def ended(theatre: Theatre) -> bool:
    """Whether no pass of the Application is under way."""
    worker = theatre.hub.roster.get("eu")
    return worker is not None and not worker.passes(APP)


async def pause(theatre: Theatre, *, on: bool) -> None:
    """Have the cluster paused, or go on."""
    await theatre.api.patch("Cluster", "eu", names.HUB_NAMESPACE, {"spec": {"paused": on}})

    async def heard() -> bool:
        worker = theatre.hub.roster.get("eu")
        return worker is not None and worker.running is not None and worker.running.paused is on

    await until(heard, what="the hub has heard of it")


async def test_a_revert_stops_deletions_that_have_begun(theatre: Theatre) -> None:
    """H2: the rule is ``fleet.worker.pruning.prune``, which asks before each object whether it still may go."""
    stopped = await halfway(theatre)
    before = await uid(theatre, "ConfigMap", "b")
    theatre.repo.commit({"apps/app/b.yaml": None, "apps/app/d.yaml": None})
    await asyncio.wait_for(stopped.reached.wait(), 20)
    commit = theatre.repo.commit(
        {"apps/app/b.yaml": config("b", k="1"), "apps/app/d.yaml": deployment("d", 1)}
    )

    async def offered() -> bool:
        work = theatre.hub.roster.offered(APP)
        return work is not None and work.revisions[0].commit == commit

    await until(offered, what="the revert is offered")
    stopped.on.set()
    await theatre.synced(commit=commit)
    assert await uid(theatre, "ConfigMap", "b") == before


async def test_a_deletion_that_becomes_an_orphaning_leaves_what_is_still_there(theatre: Theatre) -> None:
    """H2: the rule is ``fleet.worker.withdrawal.run``: another errand in its place calls it off."""
    stopped = await halfway(theatre)
    before = await uid(theatre, "ConfigMap", "b")
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)
    await asyncio.wait_for(stopped.reached.wait(), 20)
    await theatre.application(deletionPolicy="Orphan")

    async def heard() -> bool:
        return theatre.hub.roster._leaving["eu"][APP].mode is Withdrawal.ORPHAN

    await until(heard, what="the hub has heard of it")
    stopped.on.set()
    await gone(theatre)
    assert await uid(theatre, "ConfigMap", "b") == before


async def test_a_delete_that_an_admission_rule_refuses_is_shown_and_tried_again_after_a_restart_too(
    theatre: Theatre,
) -> None:
    """H2: the rule is ``fleet.worker.work.failed``: what was refused stays a member and is tried again."""
    first, second = Meddler(), Meddler()
    await two(theatre, seams=meddled(first))
    member = theatre.members["eu"]
    name = f"keep-{theatre.number}"
    await forbid(member, name, theatre.namespace)
    try:
        before = await uid(theatre, "ConfigMap", "b")
        commit = theatre.repo.commit({"apps/app/b.yaml": None})
        await theatre.told("app", "SyncFailed", f"{theatre.namespace}/b")
        await until(lambda: tried(first, 2), 30, what="the delete is tried again")
        await theatre.stop()
        await theatre.start(meddled(second))
        await until(lambda: tried(second, 1), 30, what="the delete is tried after the restart")
        await theatre.told("app", "SyncFailed", f"{theatre.namespace}/b")
        assert await uid(theatre, "ConfigMap", "b") == before
    finally:
        await member.delete("ValidatingAdmissionPolicyBinding", name)
        await member.delete("ValidatingAdmissionPolicy", name)
    await theatre.synced(commit=commit, timeout=30)
    await theatre.nowhere("ConfigMap", "b", ("eu",))


async def tried(meddler: Meddler, times: int) -> bool:
    """Whether so many deletes of the object have gone out."""
    return len([r for r in meddler.writes("eu") if r.verb == "DELETE" and r.path.endswith("/b")]) >= times


async def forbid(member: Api, name: str, namespace: str) -> None:
    """Refuse every deletion of ConfigMaps in a namespace, by the API server's own admission rules."""
    group = "admissionregistration.k8s.io/v1"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["configmaps"]}
    there = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    await member.apply(
        {
            "apiVersion": group,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule], "namespaceSelector": there},
                "validations": [{"expression": "false", "message": "not here"}],
            },
        }
    )
    await member.apply(
        {
            "apiVersion": group,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"]},
        }
    )
    metadata = {"name": "probe", "namespace": namespace}

    async def refused() -> bool:
        await member.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        try:
            await member.send(Request("DELETE", f"/api/v1/namespaces/{namespace}/configmaps/probe"))
        except NotFound:
            return False
        except Exception:  # noqa: BLE001 (refused, in whatever words)
            return True
        return False

    begun = time.monotonic()
    await until(refused, 30, what="the admission rule holds", interval=0.1)
    assert time.monotonic() - begun < 30
