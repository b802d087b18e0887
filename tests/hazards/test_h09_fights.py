"""H9: heals are damped and name their opponent, and what another tool holds is left to it or taken whole."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bootstrap.local import binaries, build
from fleet import names
from tests.stage.api import holds, until
from tests.stage.seams import Journal, watched
from tests.stage.theatre import Theatre, deployment, manifest, manifest_of

AGGREGATED = "clusterrole-aggregation-controller"


@contextlib.asynccontextmanager
async def stubborn(act: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Somebody who acts again and again, as fast as the network."""

    async def always() -> None:
        while True:
            await act()
            await asyncio.sleep(0.02)

    task = asyncio.ensure_future(always())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def begin(theatre: Theatre, files: dict[str, str | None], **settings: Any) -> Journal:
    journal = Journal()
    theatre.repo.commit(files)
    await theatre.register("eu")
    await theatre.start(watched(journal), **settings)
    return journal


async def test_rules_of_an_aggregated_role_are_left_to_their_controller(theatre: Theatre) -> None:
    """H9 (a): the rule is ``fleet.sync.shape._cluster_role``, which leaves ``rules`` out."""
    member = theatre.members["eu"]
    name = f"aggregated-{theatre.number}"
    role: dict[str, Any] = {
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to": name}}]},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    }
    collected = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}]
    journal = await begin(theatre, {"apps/app/role.yaml": manifest("ClusterRole", name, **role)})
    try:
        await theatre.application()
        await theatre.synced()
        theirs = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": collected,
        }
        await member.apply(theirs, AGGREGATED)
        writes = len(journal.writes)

        async def theirs_stand() -> bool:
            found = await member.get("ClusterRole", name)
            return bool(found and found["rules"] == collected)

        await holds(theirs_stand, 2, what="the controller's rules stand")
        assert not [one for one in journal.writes[writes:] if "/clusterroles/" in one]
        await theatre.synced()
    finally:
        await theatre.stop()
        await member.delete("ClusterRole", name)


async def test_a_controller_that_keeps_writing_is_met_more_and_more_seldom_and_named(
    theatre: Theatre,
) -> None:
    """H9: the rule is ``fleet.ownership.fights.after``; what is told of it, ``fleet.worker.heal.contested``."""
    # A lapsed Lease begins a new connection, whose first pass is no heal.
    journal = await begin(theatre, {"apps/app/web.yaml": deployment(replicas=2)}, lease_duration=120)
    await theatre.application()
    await theatre.synced()
    member = theatre.members["eu"]

    async def scale() -> None:
        """As an autoscaler: through the subresource, whenever it is not as it wants it."""
        found = await member.get("Deployment", "web", theatre.namespace)
        if found and found["spec"]["replicas"] != 9:
            await member.scale("web", theatre.namespace, 9, "horizontal-pod-autoscaler")

    before = len(journal.writes)
    async with stubborn(scale):
        message = await theatre.told("app", "Contested", "horizontal-pod-autoscaler", "spec.replicas")
        assert f"Deployment.apps {theatre.namespace}/web" in message
        applies = [one for one in journal.writes[before:] if "/deployments/web" in one]
        assert len(applies) <= 4, "0, 2, 6 seconds apart: three or four by now"
        count = len(applies)
        await holds(lambda: fewer(journal, before, count + 1), 12, what="18 seconds to the next")
        assert await theatre.condition("app", "Stalled") is not None
    # A new revision has its chance at once, and with nobody against it the fight is over.
    commit = theatre.repo.commit({"apps/app/web.yaml": deployment(replicas=3)})
    await theatre.synced(commit=commit)

    async def over() -> bool:
        found = await member.get("Deployment", "web", theatre.namespace)
        calm = await theatre.condition("app", "Contested") is None
        return bool(calm and found and found["spec"]["replicas"] == 3)

    await until(over, what="the new revision stands, and nobody is a contestant any more")


async def fewer(journal: Journal, since: int, most: int) -> bool:
    return len([one for one in journal.writes[since:] if "/deployments/web" in one]) <= most


async def test_a_fight_is_forgotten_after_ten_quiet_minutes(theatre: Theatre) -> None:
    """H9: the rule is ``fleet.ownership.fights.over``, which ``fleet.worker.calming.keep`` asks."""
    await begin(theatre, {"apps/app/web.yaml": deployment(replicas=2)}, lease_duration=120)
    await theatre.application()
    await theatre.synced()
    member = theatre.members["eu"]

    async def scale() -> None:
        await member.scale("web", theatre.namespace, 9, "horizontal-pod-autoscaler")

    async with stubborn(scale):
        await theatre.told("app", "Contested", "horizontal-pod-autoscaler")
    for _ in range(180):
        theatre.hub.clock.advance(5)
        await asyncio.sleep(0.02)

    async def calm() -> bool:
        return await theatre.condition("app", "Contested") is None

    await until(calm, what="nobody is a contestant any more")
    await theatre.synced()
    found = await member.get("Deployment", "web", theatre.namespace)
    assert found is not None
    assert found["spec"]["replicas"] == 2


CHART = {
    "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
    "templates/config.yaml": manifest("ConfigMap", "shop", data={"a": "1", "b": "1"}),
}


@pytest.fixture(scope="session")
def helm_program() -> Path:
    """The real helm."""
    return build.build(binaries.named(["helm"]))["helm"]


async def release(theatre: Theatre, helm: Path) -> Callable[..., Awaitable[str]]:
    """The chart installed by the real helm; a function that runs further commands."""
    chart = theatre.folder / "chart"
    for name, text in CHART.items():
        path = chart / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    kubeconfig = theatre.planes.members["eu"].kubeconfig

    async def run(*arguments: str) -> str:
        done = await asyncio.to_thread(
            subprocess.run,
            [helm, *arguments, "--kubeconfig", kubeconfig, "--namespace", theatre.namespace],
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
            env={"HOME": str(theatre.folder)},
        )
        return done.stdout

    await run("install", "shop", str(chart))
    return run


async def live(theatre: Theatre) -> dict[str, Any] | None:
    return await theatre.members["eu"].get("ConfigMap", "shop", theatre.namespace)


async def test_an_object_of_a_helm_release_is_refused_by_its_name_until_it_is_adopted(
    theatre: Theatre, helm_program: Path
) -> None:
    """H9 (b): the rules are ``fleet.ownership.marks.other_owner`` and ``fleet.sync.takeover.take``."""
    helm = await release(theatre, helm_program)
    before = await live(theatre)
    assert before is not None
    await begin(theatre, {"apps/app/shop.yaml": manifest("ConfigMap", "shop", data={"a": "2", "b": "1"})})
    await theatre.application()
    message = await theatre.told("app", "ClaimRefused", f"helm ({theatre.namespace}/shop)", "adopt")
    assert f"ConfigMap {theatre.namespace}/shop" in message
    found = await live(theatre)
    assert found is not None
    assert found["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    policy = {"automated": {"prune": True, "selfHeal": True}, "adopt": ["argocd", "flux"]}
    await theatre.application(syncPolicy=policy)
    await theatre.told("app", "ClaimRefused", "helm")
    await theatre.application(syncPolicy={**policy, "adopt": ["helm"]})
    await theatre.synced()
    found = await live(theatre)
    assert found is not None
    assert found["metadata"]["uid"] == before["metadata"]["uid"], "it is the same object"
    assert found["data"] == {"a": "2", "b": "1"}
    assert {one["manager"] for one in found["metadata"]["managedFields"]} == {names.FIELD_MANAGER}
    assert "app.kubernetes.io/managed-by" not in found["metadata"]["labels"]
    assert not [name for name in found["metadata"]["annotations"] if name.startswith("meta.helm.sh/")]
    # What Git drops goes, though helm wrote it once.
    commit = theatre.repo.commit({"apps/app/shop.yaml": manifest("ConfigMap", "shop", data={"a": "2"})})
    await theatre.synced(commit=commit)
    found = await live(theatre)
    assert found is not None
    assert found["data"] == {"a": "2"}
    # As the page says: the release's record goes, not the release, and the object stays.
    secret = "sh.helm.release.v1.shop.v1"
    await theatre.members["eu"].delete("Secret", secret, theatre.namespace)
    assert json.loads(await helm("list", "-o", "json")) == []
    assert await live(theatre) is not None


ARGOCD = {"argocd.argoproj.io/tracking-id": "shop:/ConfigMap:{namespace}/shop"}
FLUX = {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux"}


@pytest.mark.parametrize(
    ("manager", "part", "mark", "words"),
    [
        ("argocd-controller", "annotations", ARGOCD, "argocd (shop)"),
        ("kustomize-controller", "labels", FLUX, "flux (flux/shop)"),
    ],
)
async def test_an_object_of_a_tool_at_work_is_refused_by_its_name(
    theatre: Theatre, manager: str, part: str, mark: dict[str, str], words: str
) -> None:
    """H9 (b): the rule is ``fleet.ownership.marks.other_owner``."""
    member = theatre.members["eu"]
    marks = {name: value.format(namespace=theatre.namespace) for name, value in mark.items()}
    theirs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "shop", "namespace": theatre.namespace, part: marks},
        "data": {"a": "1"},
    }
    before = await member.apply(theirs, manager)
    journal = await begin(theatre, {"apps/app/shop.yaml": manifest("ConfigMap", "shop", data={"a": "2"})})
    await theatre.application()
    await theatre.told("app", "ClaimRefused", words)
    assert not [one for one in journal.writes if "/configmaps/shop" in one], "nothing was sent"
    found = await live(theatre)
    assert found is not None
    assert found["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_an_object_of_somebody_elses_apply_set_is_refused_even_with_adoption(theatre: Theatre) -> None:
    """H9 (b): the rule is ``fleet.ownership.marks.other_owner``: a set is no tool that can be adopted from."""
    member = theatre.members["eu"]
    labels = {names.APPLYSET_PART_OF: "applyset-somebodys-v1"}
    theirs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "shop", "namespace": theatre.namespace, "labels": labels},
        "data": {"a": "1"},
    }
    await member.apply(theirs, "kubectl-applyset")
    ours = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop"}, "data": {"a": "2"}}
    await begin(theatre, {"apps/app/shop.yaml": manifest_of(ours)})
    await theatre.application(syncPolicy={"automated": {}, "adopt": ["helm", "argocd", "flux"]})
    await theatre.told("app", "ClaimRefused", "applyset-somebodys-v1")
    found = await live(theatre)
    assert found is not None
    assert found["data"] == {"a": "1"}
