"""H17: a CRD or a Namespace that holds what others made is not removed, however it leaves Git."""

from __future__ import annotations

from typing import Any

import orjson

from fleet import names
from fleet.errors import NotFound
from fleet.kube.request import Request
from tests.hazards.scene import begin, gone
from tests.stage.api import Api, until
from tests.stage.theatre import Theatre, config, definition, manifest, manifest_of


async def condition(theatre: Theatre, *words: str) -> None:
    """Wait until a condition of the Application that holds something back has these words."""

    async def look() -> bool:
        for one in (await theatre.status()).get("conditions", ()):
            if one["status"] == "True" and all(word in one["message"] for word in words):
                return True
        return False

    try:
        await until(look, what=f"a condition says {words}")
    except AssertionError as error:
        raise AssertionError(f"{error}; status: {await theatre.status()}") from None


async def test_a_definition_dropped_from_git_stays_while_others_have_objects_of_its_kind(
    theatre: Theatre,
) -> None:
    """H17: the rule is ``fleet.sync.gate.precious``."""
    group = f"charts{theatre.number}.test"
    member = theatre.members["eu"]
    theatre.repo.commit(
        {"apps/app/a.yaml": config("a", k="1"), "apps/app/crds/w.yaml": manifest_of(definition(group))}
    )
    await begin(theatre)
    await theatre.application(source={"directory": {"recurse": True}})
    await theatre.synced()
    metadata = {"name": "theirs", "namespace": theatre.namespace}
    body = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": metadata}
    path = f"/apis/{group}/v1/namespaces/{theatre.namespace}/widgets"
    await member.send(Request("POST", path, body=orjson.dumps(body)))
    try:
        theatre.repo.commit({"apps/app/crds/w.yaml": None})
        await condition(theatre, f"widgets.{group}")
        assert (await theatre.status())["sync"] == "OutOfSync"
        found = await member.get("CustomResourceDefinition", f"widgets.{group}")
        assert found
        assert "deletionTimestamp" not in found["metadata"]
        assert await member.get(f"widgets.{group}", "theirs", theatre.namespace)
    finally:
        await theatre.stop()
        await member.delete("CustomResourceDefinition", f"widgets.{group}")


async def test_a_namespace_stays_while_it_holds_an_object_of_a_kind_that_came_after_the_hub(
    theatre: Theatre,
) -> None:
    """H17: the rule is ``fleet.worker.discovering.whole``: which kinds there are is asked before it goes."""
    group, shared = f"late{theatre.number}.test", f"late-{theatre.number}"
    member = theatre.members["eu"]
    theatre.repo.commit(
        {
            "apps/app/ns.yaml": manifest("Namespace", shared),
            "apps/app/a.yaml": manifest("ConfigMap", "a", shared),
            "apps/app/b.yaml": config("b", k="1"),
        }
    )
    await begin(theatre)
    await theatre.application()
    await theatre.synced()
    await member.apply(definition(group))
    path = f"/apis/{group}/v1/namespaces/{shared}/widgets"
    body = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "theirs"}}

    async def made() -> bool:
        try:
            await member.send(Request("POST", path, body=orjson.dumps(body)))
        except NotFound:
            return False
        return True

    await until(made, what="somebody else makes an object of the new kind")
    try:
        theatre.repo.commit({"apps/app/ns.yaml": None, "apps/app/a.yaml": None})
        await condition(theatre, shared, f"Widget.{group} {shared}/theirs")
        found = await member.get("Namespace", shared)
        assert found
        assert "deletionTimestamp" not in found["metadata"]
        assert await member.get(f"widgets.{group}", "theirs", shared)
    finally:
        await theatre.stop()
        await member.delete("CustomResourceDefinition", f"widgets.{group}")
        await member.delete("ConfigMap", "a", shared)
        await member.delete("Namespace", shared)
        await until(lambda: vanished(member, shared), what="the Namespace goes")


async def test_a_shared_namespace_stays_when_the_application_that_carried_it_is_deleted(
    theatre: Theatre,
) -> None:
    """H17: the rule is ``fleet.sync.gate.precious``, when an Application leaves as when it prunes."""
    shared = f"shared-{theatre.number}"
    member = theatre.members["eu"]
    theatre.repo.commit(
        {
            "apps/app/ns.yaml": manifest("Namespace", shared),
            "apps/app/a.yaml": manifest("ConfigMap", "a", shared),
        }
    )
    # The clock is moved below, by more than a Lease of the usual length lasts.
    await begin(theatre, lease_duration=1200.0)
    await theatre.application()
    await theatre.synced()
    theirs: dict[str, Any] = {"metadata": {"name": "theirs", "namespace": shared}}
    await member.create({"apiVersion": "v1", "kind": "ConfigMap", **theirs})
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)

    async def left() -> bool:
        return await member.get("ConfigMap", "a", shared) is None

    await until(left, what="its own objects are gone")
    await condition(theatre, shared)
    found = await member.get("Namespace", shared)
    assert found
    assert "deletionTimestamp" not in found["metadata"]
    assert await member.get("ConfigMap", "theirs", shared)
    # With the last stranger gone it is the Application's alone, and goes with it.
    await member.delete("ConfigMap", "theirs", shared)

    async def ended() -> bool:
        theatre.hub.clock.advance(1.0)
        return await vanished(member, shared)

    await until(ended, what="the Namespace goes")
    await gone(theatre)


async def vanished(member: Api, namespace: str) -> bool:
    """Whether a Namespace is gone; one that is on its way is finished, as its controller would."""
    found = await member.get("Namespace", namespace)
    if found is not None and "deletionTimestamp" in found["metadata"]:
        found["spec"]["finalizers"] = []
        await member.send(
            Request("PUT", f"/api/v1/namespaces/{namespace}/finalize", body=orjson.dumps(found))
        )
    return found is None


async def test_a_namespace_made_on_the_way_belongs_to_nobody(theatre: Theatre) -> None:
    """H17: the rule is ``fleet.sync.namespace.ensure``: it makes no member, so that nothing prunes it."""
    made = f"made-{theatre.number}"
    member = theatre.members["eu"]
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await begin(theatre)
    policy = {"automated": {"prune": True, "selfHeal": True}, "syncOptions": ["CreateNamespace=true"]}
    await theatre.application(namespace=made, syncPolicy=policy)
    await theatre.synced()
    assert await member.get("ConfigMap", "a", made)
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)
    await gone(theatre)
    assert await member.get("ConfigMap", "a", made) is None
    found = await member.get("Namespace", made)
    assert found
    assert "deletionTimestamp" not in found["metadata"]
    assert names.APPLYSET_PART_OF not in found["metadata"].get("labels", {})
    await member.delete("Namespace", made)
