"""The deletion guard: what is too much, or precious, stays until somebody lets exactly that through."""

from __future__ import annotations

from typing import Any

import orjson

from fleet import names
from fleet.clock import Clock
from fleet.hub.seams import Seams
from fleet.kube.request import Request
from tests.stage.api import Api, holds, until
from tests.stage.proxy import Proxy
from tests.stage.theatre import Theatre, config, definition, join, manifest, manifest_of


def files(*numbers: int, app: str = "app") -> dict[str, str]:
    return {f"apps/{app}/c{number:02}.yaml": config(f"c{number:02}", k="1") for number in numbers}


def drop(theatre: Theatre, *paths: str) -> None:
    theatre.repo.commit(dict.fromkeys(paths))


async def begin(theatre: Theatre, content: dict[str, str], **settings: Any) -> None:
    for name in theatre.members:
        await theatre.register(name, {"env": "prod"})
    theatre.repo.commit(content)
    await theatre.start(**settings)
    await theatre.application()
    await theatre.synced()


async def present(api: Api, namespace: str, kind: str = "ConfigMap") -> set[str]:
    return {
        found["metadata"]["name"]
        for found in await api.list(kind, namespace)
        if names.APPLYSET_PART_OF in found["metadata"].get("labels", {})
    }


async def digest(theatre: Theatre, name: str = "app", seconds: float = 20.0) -> str:
    """Wait until a set is held; its digest."""

    async def look() -> str | None:
        held = (await theatre.status(name)).get("deletionHeld") or []
        return held[0] if held else None

    found: str = await until(look, seconds, what=f"a deletion of {name} is held")
    return found


async def free(theatre: Theatre, name: str = "app") -> None:
    async def look() -> bool:
        return not (await theatre.status(name)).get("deletionHeld")

    await until(look, 20, what="nothing is held")


async def test_a_commit_that_empties_half_of_an_application_deletes_nothing_until_it_is_confirmed(
    theatre: Theatre,
) -> None:
    await begin(theatre, files(*range(12)))
    drop(theatre, *files(*range(6)))
    held = await theatre.told("app", "DeletionHeld", "12 of 24 objects", "eu: ConfigMap", "app confirm")
    named = await digest(theatre)
    assert named in held
    theatre.repo.commit({"apps/app/new.yaml": config("new", k="1")})
    await theatre.everywhere("ConfigMap", "new")
    for api in theatre.members.values():
        assert len(await present(api, theatre.namespace)) == 13
    await theatre.annotate("app", confirm="0123456789abcdef")
    await theatre.told("app", "DeletionHeld")
    await theatre.annotate("app", confirm=await digest(theatre))
    await theatre.synced()
    for api in theatre.members.values():
        expected = {f"c{number:02}" for number in range(6, 12)} | {"new"}

        async def gone(api: Api = api, expected: set[str] = expected) -> bool:
            return await present(api, theatre.namespace) == expected

        await until(gone, 20, what="exactly the confirmed set is gone")


async def test_a_confirmed_set_is_finished_after_a_restart_and_lets_no_other_through(
    theatre: Theatre,
) -> None:
    await begin(theatre, files(*range(20)))
    drop(theatre, *files(*range(8)))
    named = await digest(theatre)
    await theatre.stop()
    await theatre.annotate("app", confirm=named)
    await theatre.start()
    await theatre.nowhere("ConfigMap", "c00")
    await theatre.synced()
    drop(theatre, *files(*range(8, 16)))
    assert await digest(theatre) != named
    for api in theatre.members.values():
        assert len(await present(api, theatre.namespace)) == 12


async def test_what_is_within_the_thresholds_goes_without_a_word(theatre: Theatre) -> None:
    await begin(theatre, files(*range(20)))
    drop(theatre, *files(0, 1, 2))
    await theatre.nowhere("ConfigMap", "c02")
    assert not (await theatre.status()).get("deletionHeld")


async def test_thresholds_are_the_applications_own_where_it_has_some(theatre: Theatre) -> None:
    theatre.repo.commit(files(*range(4)))
    await theatre.register("eu")
    await theatre.start()
    policy = {"automated": {"prune": True}, "deletionGuard": {"percent": 0, "count": 0}}
    await theatre.application(syncPolicy=policy)
    await theatre.synced()
    drop(theatre, *files(0))
    await theatre.told("app", "DeletionHeld", "1 of 4 objects")
    await theatre.application(syncPolicy={**policy, "deletionGuard": {"percent": 100}})
    await theatre.nowhere("ConfigMap", "c00", ("eu",))


async def test_an_edited_selector_that_loses_half_of_the_objects_is_held(theatre: Theatre) -> None:
    await begin(theatre, files(*range(8)))
    await theatre.application(placement={"clusters": ["us"]})
    await theatre.told("app", "DeletionHeld", "8 of 16 objects", "on cluster eu")
    assert len(await present(theatre.members["eu"], theatre.namespace)) == 8
    await theatre.annotate("app", confirm=await digest(theatre))
    await theatre.nowhere("ConfigMap", "c00", ("eu",))
    await theatre.synced()
    assert len(await present(theatre.members["us"], theatre.namespace)) == 8


async def test_a_label_that_takes_most_of_a_clusters_applications_is_held_and_putting_it_back_ends_it(
    theatre: Theatre,
) -> None:
    clock = Clock()
    await theatre.register("eu", {"env": "prod"})
    await theatre.register("us")
    apps = [f"app{number}" for number in range(7)]
    theatre.repo.commit({f"apps/{name}/a.yaml": config(name, k="1") for name in apps})
    await theatre.start(Seams(clock=lambda: clock))
    for name in apps:
        await theatre.application(name, placement={"clusterSelector": {"matchLabels": {"env": "prod"}}})
    for name in apps:
        await theatre.synced(name)
    await theatre.register("eu", {"env": "dev"})
    await theatre.told("app3", "WithdrawalPending", "eu")
    clock.advance(400)
    for name in apps:
        await theatre.told(name, "DeletionHeld", "7 of 7 Applications of cluster eu")
    assert len(await present(theatre.members["eu"], theatre.namespace)) == 7
    await theatre.register("eu", {"env": "prod"})
    for name in apps:
        await free(theatre, name)
    assert len(await present(theatre.members["eu"], theatre.namespace)) == 7


def child(name: str, **spec: Any) -> str:
    return manifest(
        "Application",
        name,
        spec={
            "source": {"repoURL": spec.pop("url"), "targetRevision": "main", "path": f"apps/{name}"},
            "placement": {"clusters": ["eu"]},
            "namespace": spec.pop("namespace"),
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
            **spec,
        },
    )


async def test_a_root_that_loses_most_of_its_children_keeps_them_until_it_is_confirmed(
    theatre: Theatre,
) -> None:
    children = [f"child{number}" for number in range(7)]
    content = {f"apps/{name}/a.yaml": config(name, k="1") for name in children}
    given = {"url": theatre.repo.url, "namespace": theatre.namespace}
    content |= {f"root/{name}.yaml": child(name, **given) for name in children}
    await theatre.register("eu")
    theatre.repo.commit(content)
    await theatre.start()
    await theatre.application(
        "root", source={"path": "root"}, placement={"hub": True}, namespace=names.HUB_NAMESPACE
    )
    for name in children:
        await theatre.synced(name)
    drop(theatre, *(f"root/{name}.yaml" for name in children[1:]))
    await theatre.told("root", "DeletionHeld", "6 of 7 children", "6 of 7 Applications of cluster eu")
    for name in children:
        await theatre.synced(name)
    await theatre.annotate("root", confirm=await digest(theatre, "root"))
    for name in children[1:]:
        await theatre.nowhere("ConfigMap", name, ("eu",))
    assert await present(theatre.members["eu"], theatre.namespace) == {"child0"}


async def test_a_bound_claim_and_all_that_goes_with_it_stay_on_every_cluster(theatre: Theatre) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    await begin(
        theatre,
        {
            "apps/app/a.yaml": join(manifest("PersistentVolumeClaim", "data", spec=spec), config("a", k="1")),
            "apps/app/b.yaml": config("b", k="1"),
        },
    )
    eu = theatre.members["eu"]
    bound = {"status": {"phase": "Bound"}}
    await eu.patch("PersistentVolumeClaim", "data", theatre.namespace, bound, "binder", part="status")
    drop(theatre, "apps/app/a.yaml")
    await theatre.told("app", "DeletionHeld", "eu: PersistentVolumeClaim", "is bound to")
    theatre.repo.commit({"apps/app/c.yaml": config("c", k="1")})
    await theatre.everywhere("ConfigMap", "c")
    await theatre.everywhere("ConfigMap", "a")
    await theatre.everywhere("PersistentVolumeClaim", "data")
    await theatre.annotate("app", confirm=await digest(theatre))
    await theatre.nowhere("ConfigMap", "a")


async def test_a_deleted_application_leaves_a_crd_with_instances_until_that_is_confirmed(
    theatre: Theatre,
) -> None:
    group = f"guard{theatre.number}.example"
    await begin(theatre, {"apps/app/a.yaml": join(manifest_of(definition(group)), config("a", k="1"))})
    eu = theatre.members["eu"]
    widget: dict[str, Any] = {"apiVersion": f"{group}/v1", "kind": "Widget", "spec": {}}
    path = f"/apis/{group}/v1/namespaces/{theatre.namespace}/widgets"
    widget["metadata"] = {"name": "one", "namespace": theatre.namespace}
    await eu.send(Request("POST", path, body=orjson.dumps(widget)))
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)
    await theatre.told("app", "DeletionHeld", f"widgets.{group}", "Widget", "/one")
    await theatre.nowhere("ConfigMap", "a")
    crd = await eu.get("CustomResourceDefinition", f"widgets.{group}")
    assert crd is not None
    assert "deletionTimestamp" not in crd["metadata"]
    await theatre.annotate("app", confirm=await digest(theatre))

    async def gone() -> bool:
        return await theatre.api.get("Application", "app", names.HUB_NAMESPACE) is None

    await until(gone, 20, what="the Application is gone")


async def test_after_a_start_nothing_goes_before_each_cluster_has_answered_or_has_not(
    theatre: Theatre,
) -> None:
    """What goes is counted over all of them: ``fleet.hub.guarding.Guard._unheard``."""
    line = Proxy(theatre.planes.members["eu"])
    await line.start()
    try:
        await theatre.register("eu", {"env": "prod"}, kubeconfig=line.kubeconfig(theatre.folder))
        await theatre.register("us", {"env": "prod"})
        theatre.repo.commit(files(*range(8)))
        await theatre.start()
        await theatre.application()
        await theatre.synced()
        await theatre.stop()
        # Four of eight: too much of both, and on one of them alone within the count.
        drop(theatre, *files(*range(4)))
        line.silence()
        await theatre.start()
        await theatre.told("app", "PruneWaits", "eu")

        async def whole() -> bool:
            return len(await present(theatre.members["us"], theatre.namespace)) == 8

        await holds(whole, 1.5, what="nothing goes from us")
        await line.speak()
        await digest(theatre, seconds=60)  # what was asked while it was silent has to time out
        assert await whole()
    finally:
        await theatre.stop()
        await line.close()
