"""H4: what Git drops goes, whoever else has held it: by accident, by an upgrade, by a former tool, by a person."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from fleet import names
from fleet.kube.request import MERGE_PATCH, Request
from fleet.ownership import entries
from fleet.ownership.fieldpath import readable
from tests.stage.api import Api, until
from tests.stage.theatre import Theatre, deployment, manifest_of

KUBECTL = Path(sys.executable).parent / "kubectl"
STRIP: list[dict[str, Any]] = [{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]


def web(*env: str) -> str:
    """A Deployment whose container has these environment variables."""
    return deployment(env=[{"name": name, "value": "1"} for name in env])


def body(theatre: Theatre, *env: str, **metadata: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(web(*env))
    found["metadata"] |= {"namespace": theatre.namespace, **metadata}
    return found


async def begin(theatre: Theatre, *env: str, **spec: Any) -> None:
    theatre.repo.commit({"apps/app/web.yaml": web(*env)})
    await theatre.register("eu")
    await theatre.start()
    await theatre.application(**spec)
    await theatre.synced()


async def env(theatre: Theatre) -> list[str]:
    found = await theatre.members["eu"].get("Deployment", "web", theatre.namespace)
    assert found is not None
    (container,) = found["spec"]["template"]["spec"]["containers"]
    return [one["name"] for one in container.get("env", ())]


async def dropped(theatre: Theatre) -> None:
    """Git drops B: it goes, and the object stays."""
    before = await theatre.members["eu"].get("Deployment", "web", theatre.namespace)
    assert before is not None
    commit = theatre.repo.commit({"apps/app/web.yaml": web("A")})
    await theatre.synced(commit=commit)
    assert await env(theatre) == ["A"]
    after = await theatre.members["eu"].get("Deployment", "web", theatre.namespace)
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"]["replicas"] == before["spec"]["replicas"]


async def others(theatre: Theatre) -> set[str]:
    """What anybody but us holds of it; how many replicas there are stays with whoever said so, too."""
    found = await theatre.members["eu"].get("Deployment", "web", theatre.namespace)
    assert found is not None
    held = {
        readable(path)
        for one in found["metadata"].get("managedFields", ())
        if one["manager"] != names.FIELD_MANAGER
        for path in entries.paths_of(one["fieldsV1"])
    }
    return held - {"spec.replicas"}


async def test_a_field_goes_after_somebody_stripped_all_ownership(theatre: Theatre) -> None:
    """H4 (a): the rule is ``fleet.ownership.takeover.taken``; ``fleet.sync.apply._unclaimed`` asks for it."""
    await begin(theatre, "A", "B")
    await theatre.members["eu"].patch("Deployment", "web", theatre.namespace, STRIP, "stripper")

    async def owned() -> bool:
        found = await theatre.members["eu"].get("Deployment", "web", theatre.namespace)
        assert found is not None
        return names.FIELD_MANAGER in {one["manager"] for one in found["metadata"].get("managedFields", ())}

    await until(owned, what="it is ours again")
    await theatre.synced()
    await dropped(theatre)
    assert await others(theatre) == set()


async def test_a_field_goes_after_an_upgrade_dropped_the_version_that_owned_it(theatre: Theatre) -> None:
    """H4 (b): the rule is ``fleet.ownership.takeover.taken``; ``fleet.sync.apply.apply`` asks for it, twice."""
    group = f"upgraded-{theatre.number}.example.dev"
    member = theatre.members["eu"]
    await member.apply(crd(group, {"v1": True, "v2": True}))

    def thing(version: str, **spec: str) -> str:
        return manifest_of(
            {"apiVersion": f"{group}/{version}", "kind": "Thing", "metadata": {"name": "it"}, "spec": spec}
        )

    path = f"/apis/{group}/v2/namespaces/{theatre.namespace}/things/it"

    async def live() -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads((await member.send(Request("GET", path))).body)
        return found

    try:
        await served(member, group, theatre.namespace)
        theatre.repo.commit({"apps/app/it.yaml": thing("v1", a="1", b="1")})
        await theatre.register("eu")
        await theatre.start()
        await theatre.application()
        await theatre.synced()
        # The operator's new release drops v1; so does the status of the CRD, as its upgrade guide says.
        await theatre.members["eu"].apply(crd(group, {"v2": True}))
        note = {"metadata": {"annotations": {"upgraded": "yes"}}}
        commit = theatre.repo.commit({"apps/app/it.yaml": thing("v2", a="1", b="1")})

        async def foreign() -> bool:
            query = (("fieldManager", "operator"),)
            await member.send(Request("PATCH", path, query, orjson.dumps(note), MERGE_PATCH))
            fields = (await live())["metadata"].get("managedFields", ())
            return all(one["apiVersion"].endswith("/v2") for one in fields)

        await until(foreign, what="entries of v1 are gone")
        await theatre.synced(commit=commit)
        commit = theatre.repo.commit({"apps/app/it.yaml": thing("v2", a="1")})
        await theatre.synced(commit=commit)
        assert (await live())["spec"] == {"a": "1"}
    finally:
        await theatre.stop()
        await member.delete("CustomResourceDefinition", f"things.{group}")


async def served(member: Api, group: str, namespace: str) -> None:
    async def look() -> bool:
        await member.send(Request("GET", f"/apis/{group}/v2/namespaces/{namespace}/things"))
        return True

    async def found() -> bool:
        try:
            return await look()
        except Exception:  # noqa: BLE001 (not served yet)
            return False

    await until(found, what="the kind is served")


def crd(group: str, versions: dict[str, bool]) -> dict[str, Any]:
    text = {"type": "string"}
    spec = {"type": "object", "properties": {"a": text, "b": text}}
    newest = max(versions)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things", "singular": "thing", "listKind": "ThingList"},
            "versions": [
                {
                    "name": name,
                    "served": True,
                    "storage": name == newest,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
                }
                for name in versions
            ],
        },
    }


TRACKED = "argocd.argoproj.io/tracking-id"


async def by_kubectl_create(theatre: Theatre) -> None:
    await theatre.members["eu"].create(body(theatre, "A", "B"))


async def by_kubectl_apply(theatre: Theatre) -> None:
    """The real kubectl, on the client's side: with its last-applied annotation."""
    done = subprocess.run(
        [KUBECTL, "--kubeconfig", theatre.planes.members["eu"].kubeconfig, "apply", "-f", "-"],
        input=json.dumps(body(theatre, "A", "B")),
        text=True,
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert "created" in done.stdout


async def by_kubectl_server_side(theatre: Theatre) -> None:
    await theatre.members["eu"].apply(body(theatre, "A", "B"), "kubectl")


async def by_argocd(theatre: Theatre) -> None:
    tracking = {TRACKED: f"shop:apps/Deployment:{theatre.namespace}/web"}
    await theatre.members["eu"].apply(body(theatre, "A", "B", annotations=tracking), "argocd-controller")


async def by_argocd_of_old(theatre: Theatre) -> None:
    """As it does without server-side apply: an Update, with the configuration as it was."""
    tracking = {TRACKED: f"shop:apps/Deployment:{theatre.namespace}/web", names.LAST_APPLIED: "{}"}
    await theatre.members["eu"].create(body(theatre, "A", "B", annotations=tracking), "argocd-controller")


async def by_flux(theatre: Theatre) -> None:
    labels = {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux"}
    await theatre.members["eu"].apply(body(theatre, "A", "B", labels=labels), "kustomize-controller")


async def by_helm(theatre: Theatre) -> None:
    release = {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": theatre.namespace}
    found = body(theatre, "A", "B", labels={"app.kubernetes.io/managed-by": "Helm"}, annotations=release)
    await theatre.members["eu"].apply(found, "helm")


MAKERS = {
    by_kubectl_create: (),
    by_kubectl_apply: (),
    by_kubectl_server_side: (),
    by_argocd: ("argocd",),
    by_argocd_of_old: ("argocd",),
    by_flux: ("flux",),
    by_helm: ("helm",),
}


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
async def test_a_field_that_a_former_owner_wrote_goes(theatre: Theatre, maker: Any) -> None:
    """H4 (c): the rule is ``fleet.ownership.takeover.taken``, by which ``fleet.sync.takeover.take`` merges entries."""
    adopt = MAKERS[maker]
    await maker(theatre)
    policy = {"automated": {"prune": True, "selfHeal": True}, "adopt": list(adopt)}
    await begin(theatre, "A", "B", syncPolicy=policy)
    assert await others(theatre) == set()
    await dropped(theatre)
    found = await theatre.members["eu"].get("Deployment", "web", theatre.namespace)
    assert found is not None
    # The former tool no longer finds its mark, so it takes nothing for its own.
    assert set(found["metadata"]["annotations"]) == {names.MANIFEST}
    assert set(found["metadata"]["labels"]) == {names.APPLYSET_PART_OF}


async def test_a_mark_that_somebody_else_wrote_goes_as_well(theatre: Theatre) -> None:
    """H4 (c): the rule is ``fleet.ownership.patches.adopt``, which takes the marks along whoever wrote them."""
    member = theatre.members["eu"]
    await member.apply(body(theatre, "A"), "argocd-controller")
    tracking = {TRACKED: f"shop:apps/Deployment:{theatre.namespace}/web"}
    await member.patch(
        "Deployment", "web", theatre.namespace, {"metadata": {"annotations": tracking}}, "restore"
    )
    policy = {"automated": {"prune": True, "selfHeal": True}, "adopt": ["argocd"]}
    await begin(theatre, "A", syncPolicy=policy)
    found = await member.get("Deployment", "web", theatre.namespace)
    assert found is not None
    assert TRACKED not in found["metadata"]["annotations"]


async def test_a_mark_that_git_itself_has_stays(theatre: Theatre) -> None:
    """H4 (c): the rule is ``fleet.ownership.patches.adopt``: what is taken along goes only if Git lacks it."""
    await by_helm(theatre)
    labelled = json.loads(web("A"))
    labelled["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "Helm"}
    theatre.repo.commit({"apps/app/web.yaml": manifest_of(labelled)})
    await theatre.register("eu")
    await theatre.start()
    await theatre.application(syncPolicy={"automated": {"selfHeal": True}, "adopt": ["helm"]})
    await theatre.synced()
    found = await theatre.members["eu"].get("Deployment", "web", theatre.namespace)
    assert found is not None
    assert found["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
    assert set(found["metadata"]["annotations"]) == {names.MANIFEST}


async def test_a_field_goes_that_a_person_applied_too(theatre: Theatre) -> None:
    """H4 (d): the rule is ``fleet.sync.apply._held``, for which ``patches.merge`` takes what Git drops."""
    await begin(theatre, "A", "B")
    found = await theatre.members["eu"].apply(body(theatre, "A", "B"), "kubectl")
    theirs = [one for one in found["metadata"]["managedFields"] if one["manager"] == "kubectl"]
    assert entries.paths_of(theirs[0]["fieldsV1"]), "it is held twice now"
    await dropped(theatre)


async def test_a_field_that_another_manager_keeps_is_never_passed_over(theatre: Theatre) -> None:
    """H4: the rule is ``fleet.sync.apply._warnings``, which names who keeps what Git drops."""
    await begin(theatre, "A", "B")
    await theatre.members["eu"].apply(body(theatre, "A", "B"), "some-operator")
    commit = theatre.repo.commit({"apps/app/web.yaml": web("A")})

    async def told() -> bool:
        outcomes = theatre.hub.board.cluster("eu")
        return any(
            "kept by some-operator" in text and "env[name=B]" in text
            for outcome in outcomes
            for text in outcome.findings.warnings
        )

    await until(told, what="a warning names who keeps it")
    assert await env(theatre) == ["A", "B"]
    assert commit
