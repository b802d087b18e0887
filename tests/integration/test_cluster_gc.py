"""Sets that nobody claims, and clusters that are cleaned: exactly what was asked for goes, also over a restart."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import orjson

from fleet import names
from fleet.cli.seal import making
from fleet.kube.request import Request
from fleet.secrets.keys import certified
from fleet.secrets.seal import Scope
from tests.integration.test_cli import fleethub
from tests.integration.test_identity import cluster, nowhere, ready, says, sealed, stands, version
from tests.stage.api import Api, until
from tests.stage.ended import ended
from tests.stage.seams import Guillotine, Journal, Write, logged, watched
from tests.stage.theatre import Theatre, config, definition, manifest_of

APPS = ("one", "two", "three")


async def begin(theatre: Theatre, content: dict[str, str] | None = None) -> None:
    """Three Applications on both members, synced and sealed."""
    for name in theatre.members:
        await theatre.register(name)
    theatre.repo.commit(
        content
        or {
            **{f"apps/{name}/{name}.yaml": config(name, k="1") for name in APPS},
            "apps/one/more.yaml": config("more", k="1"),
        }
    )
    await theatre.start()
    for name in APPS:
        await theatre.application(name)
    for name in APPS:
        await theatre.synced(name)
    for api in theatre.members.values():
        await sealed(api)


async def lose(theatre: Theatre, *applications: str) -> None:
    """Applications vanish from the hub while it is down, as with a lost etcd; their sets stay."""
    await theatre.stop()
    for name in applications:
        await theatre.api.patch("Application", name, names.HUB_NAMESPACE, {"metadata": {"finalizers": None}})
        await theatre.api.delete("Application", name, names.HUB_NAMESPACE)


async def here(theatre: Theatre, api: Api) -> dict[str, tuple[str, str]]:
    """UID and resourceVersion of the members of sets in the test's namespace."""
    return {
        one["metadata"]["name"]: version(one)
        for one in await api.list("ConfigMap", theatre.namespace, names.APPLYSET_PART_OF)
    }


async def has(theatre: Theatre, api: Api, *wanted: str) -> None:
    """Wait until exactly these members are there."""

    async def look() -> bool:
        return set(await here(theatre, api)) == set(wanted)

    try:
        await until(look, what=f"exactly {wanted}")
    except AssertionError as error:
        raise AssertionError(f"{error}; {set(await here(theatre, api))}") from None


async def unclaimed(theatre: Theatre, name: str, *applications: str) -> list[dict[str, Any]]:
    """Wait until the hub reaches the cluster, and the command lists exactly these."""

    async def reached() -> bool:
        reach = theatre.hub.board.reach_of(name)
        return reach is not None and reach.reachable

    async def look() -> list[dict[str, Any]] | None:
        if not await reached():
            return None
        done = await fleethub(theatre, "cluster", "gc", name, "-o", "json")
        found: list[dict[str, Any]] = done.json["items"]
        same = [one["application"] for one in found] == [
            f"{names.HUB_NAMESPACE}/{app}" for app in applications
        ]
        return [*found, {}] if same else None

    listed: list[dict[str, Any]] = await until(look, 30, what=f"{applications} are unclaimed")
    return listed[:-1]


async def annotated(theatre: Theatre, name: str, **notes: str | None) -> None:
    given = {f"{names.GROUP}/{key}": value for key, value in notes.items()}
    await theatre.api.patch("Cluster", name, names.HUB_NAMESPACE, {"metadata": {"annotations": given}})


async def test_unclaimed_sets_are_listed_counted_and_removed_where_they_are_confirmed(
    theatre: Theatre,
) -> None:
    await begin(theatre)
    eu, us = theatre.members["eu"], theatre.members["us"]
    await lose(theatre, "one", "two")
    before = {name: await here(theatre, api) for name, api in theatre.members.items()}
    await theatre.start()
    listed = await unclaimed(theatre, "eu", "one", "two")
    assert [one["objects"] for one in listed] == [2, 1]
    assert "2 (fleethub cluster gc eu)" in (await fleethub(theatre, "cluster", "get", "eu")).out
    text = theatre.hub.metrics.expose()[0].decode()
    assert 'fleethub_unclaimed_sets{cluster="eu"} 2.0' in text
    assert {name: await here(theatre, api) for name, api in theatre.members.items()} == before

    done = await fleethub(theatre, "cluster", "gc", "eu", "--confirm", "--timeout", "30s")
    assert "Removed 2 sets from eu." in done.out
    await has(theatre, eu, "three")
    assert (await here(theatre, eu))["three"] == before["eu"]["three"]
    assert await here(theatre, us) == before["us"]
    parents = await eu.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)
    assert [one["metadata"]["name"] for one in parents] == ["app.fleethub.three"]
    assert names.COLLECT not in (await cluster(theatre, "eu"))["metadata"]["annotations"]
    await unclaimed(theatre, "eu")
    nothing = await fleethub(theatre, "cluster", "gc", "eu", "--confirm")
    assert "nothing to remove" in nothing.out


async def test_what_an_application_claims_stays_whoever_is_named(theatre: Theatre) -> None:
    await begin(theatre)
    eu = theatre.members["eu"]
    await lose(theatre, "one")
    theatre.repo.commit({"apps/three/more.yaml": config("more", k="1")})
    before = await here(theatre, eu)
    await annotated(theatre, "eu", gc="fleethub/one, fleethub/two,fleethub/none, nonsense")
    await theatre.start()
    await has(theatre, eu, "two", "three", "more")
    await theatre.synced("three")
    await theatre.synced("two")
    after = await here(theatre, eu)
    assert after["more"][0] == before["more"][0], "it was handed over"
    assert after["two"] == before["two"]
    assert after["three"] == before["three"]
    await has(theatre, theatre.members["us"], "one", "two", "three", "more")


async def test_nothing_goes_before_everybody_who_may_claim_it_has_rendered(theatre: Theatre) -> None:
    await begin(theatre)
    eu = theatre.members["eu"]
    await lose(theatre, "one")
    theatre.repo.commit({"apps/three/bad.yaml": "{"})
    before = await here(theatre, eu)
    await theatre.start()
    await unclaimed(theatre, "eu", "one")
    late = await fleethub(theatre, "cluster", "gc", "eu", "--confirm", "--timeout", "2s", code=4)
    assert "waiting for fleethub/three to render" in late.err
    assert await here(theatre, eu) == before
    theatre.repo.commit({"apps/three/bad.yaml": None, "apps/three/more.yaml": config("more", k="1")})
    await has(theatre, eu, "two", "three", "more")
    assert (await here(theatre, eu))["more"][0] == before["more"][0]


async def test_an_application_that_no_longer_asks_for_a_cluster_leaves_a_set_that_can_be_removed(
    theatre: Theatre,
) -> None:
    await begin(theatre)
    await theatre.stop()
    await theatre.application("one", placement={"clusters": ["us"]})
    await theatre.api.patch(
        "Application", "one", names.HUB_NAMESPACE, {"metadata": {"annotations": {names.PLACED: "us"}}}
    )
    await theatre.start()
    await unclaimed(theatre, "eu", "one")
    await fleethub(theatre, "cluster", "gc", "eu", "--confirm", "--timeout", "30s")
    await has(theatre, theatre.members["eu"], "two", "three")
    await has(theatre, theatre.members["us"], "one", "more", "two", "three")


async def widget(theatre: Theatre, group: str) -> None:
    """Somebody else's instance of a CRD on eu."""
    metadata = {"name": "other", "namespace": theatre.namespace}
    body = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": metadata, "spec": {}}
    path = f"/apis/{group}/v1/namespaces/{theatre.namespace}/widgets"
    await theatre.members["eu"].send(Request("POST", path, body=orjson.dumps(body)))


async def test_what_holds_things_of_others_stays_and_is_reported_until_it_is_confirmed(
    theatre: Theatre,
) -> None:
    group = f"gc{theatre.number}.example"
    content = {f"apps/{name}/{name}.yaml": config(name, k="1") for name in APPS}
    await begin(theatre, {**content, "apps/one/crd.yaml": manifest_of(definition(group))})
    eu = theatre.members["eu"]
    await widget(theatre, group)
    await lose(theatre, "one")
    await theatre.start()
    await unclaimed(theatre, "eu", "one")
    held = await fleethub(theatre, "cluster", "gc", "eu", "--confirm", "--timeout", "30s", code=3)
    assert f"widgets.{group}" in held.err
    assert names.PRUNE in held.err
    await has(theatre, eu, "two", "three")
    crd = await eu.get("CustomResourceDefinition", f"widgets.{group}")
    assert crd is not None
    assert "deletionTimestamp" not in crd["metadata"]
    note = {"metadata": {"annotations": {names.PRUNE: names.PRUNE_CONFIRMED}}}
    await eu.patch("CustomResourceDefinition", f"widgets.{group}", "", note)
    await fleethub(theatre, "cluster", "gc", "eu", "--confirm", "--timeout", "30s")
    assert await eu.get("CustomResourceDefinition", f"widgets.{group}") is None


async def test_what_an_earlier_request_came_to_is_no_answer_to_a_later_one(theatre: Theatre) -> None:
    group = f"later{theatre.number}.example"
    content = {f"apps/{name}/{name}.yaml": config(name, k="1") for name in APPS}
    await begin(theatre, {**content, "apps/one/crd.yaml": manifest_of(definition(group))})
    eu = theatre.members["eu"]
    await widget(theatre, group)
    await lose(theatre, "one")
    await theatre.start()
    await unclaimed(theatre, "eu", "one")
    await annotated(theatre, "eu", gc="fleethub/one")

    async def held() -> bool:
        return (await unclaimed(theatre, "eu", "one"))[0]["held"] is True

    await until(held, 30, what="the first request is held")
    note = {"metadata": {"annotations": {names.PRUNE: names.PRUNE_CONFIRMED}}}
    await eu.patch("CustomResourceDefinition", f"widgets.{group}", "", note)
    await fleethub(theatre, "cluster", "gc", "eu", "--confirm", "--timeout", "30s")
    assert await eu.get("CustomResourceDefinition", f"widgets.{group}") is None


async def cut(theatre: Theatre, verb: str, name: str) -> None:
    """Start a hub that is cut off right after it has deleted something on eu; then another one."""
    path = f"/api/v1/namespaces/{theatre.namespace}/configmaps/{name}"
    guillotine = Guillotine(f"eu {verb} {path} #1", after=True)
    starting = asyncio.ensure_future(theatre.start(watched(Journal(), guillotine)))
    try:
        await asyncio.wait_for(guillotine.fallen.wait(), 30)
    finally:
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await starting
        if theatre.running is not None:
            running, theatre.running = theatre.running, None
            running.task.cancel()
            await ended(running.task)
    await theatre.api.delete("Lease", names.HUB_LEASE, names.HUB_NAMESPACE)


async def test_a_hub_that_dies_in_the_middle_goes_on_with_what_was_named_after_it_starts(
    theatre: Theatre,
) -> None:
    await begin(theatre)
    await lose(theatre, "one", "two")
    await annotated(theatre, "eu", gc="fleethub/one")
    await cut(theatre, "DELETE", "more")
    await theatre.start()
    await has(theatre, theatre.members["eu"], "two", "three")
    await has(theatre, theatre.members["us"], "one", "more", "two", "three")


async def bare(theatre: Theatre, api: Api) -> None:
    """Nothing of the hub's sets or its Lease is there."""
    assert await here(theatre, api) == {}
    assert await api.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID) == []
    assert await api.get("Lease", names.MEMBER_LEASE, names.MEMBER_NAMESPACE) is None


async def test_a_cluster_is_cleaned_before_it_is_removed_and_no_guard_holds_that(theatre: Theatre) -> None:
    many = {f"apps/one/c{number}.yaml": config(f"c{number}", k="1") for number in range(12)}
    content = {**many, **{f"apps/{name}/{name}.yaml": config(name, k="1") for name in APPS}}
    await begin(theatre, content)
    eu, us = theatre.members["eu"], theatre.members["us"]
    await lose(theatre, "two")
    await theatre.start()
    await theatre.application("three", deletionPolicy="Orphan")
    await unclaimed(theatre, "eu", "two")
    before = await here(theatre, us)
    done = await fleethub(theatre, "cluster", "remove", "eu", "--clean", "--yes", "--timeout", "60s")
    assert "Removed" in done.out
    await bare(theatre, eu)
    assert await eu.get("ConfigMap", "three", theatre.namespace), "orphaned, as its Application says"
    assert await here(theatre, us) == before
    assert await cluster(theatre, "eu") == {}
    assert await theatre.api.get("Secret", "eu", names.HUB_NAMESPACE) is None

    async def elsewhere() -> bool:
        found = await theatre.api.get("Application", "one", names.HUB_NAMESPACE)
        assert found is not None
        return bool(found["metadata"]["annotations"][names.PLACED] == "us")

    await until(elsewhere, what="it is placed on the other cluster alone")
    await theatre.synced("one")


async def test_a_cluster_that_was_left_before_a_restart_is_returned_to_when_that_is_called_off(
    theatre: Theatre,
) -> None:
    await begin(theatre)
    await annotated(theatre, "eu", clean="by hand")
    await says(theatre, "eu", "Cleaned", "by hand")
    await theatre.stop()
    await theatre.start()
    await annotated(theatre, "eu", clean=None)
    await has(theatre, theatre.members["eu"], "one", "more", "two", "three")
    await has(theatre, theatre.members["us"], "one", "more", "two", "three")


async def test_cleaning_goes_on_after_a_restart_and_the_command_can_be_given_again(theatre: Theatre) -> None:
    await begin(theatre)
    await theatre.stop()
    await annotated(theatre, "eu", clean="by hand")
    await cut(theatre, "DELETE", "more")
    await theatre.start()
    await says(theatre, "eu", "Cleaned", "by hand")
    await bare(theatre, theatre.members["eu"])
    await theatre.stop()
    log: list[Write] = []
    await theatre.start(logged(log))
    await theatre.synced("one")
    # Whoever asks anew is answered, by a hub too that has nobody there any more.
    await annotated(theatre, "eu", clean="once more")
    await says(theatre, "eu", "Cleaned", "once more")
    await theatre.stop()
    # As a removal leaves it that is cut off right after it began: with no registration it is still left.
    await theatre.api.delete("Secret", "eu", names.HUB_NAMESPACE)
    await theatre.start(logged(log))
    await theatre.synced("one")
    await says(theatre, "eu", "RegistrationInvalid")
    await says(theatre, "eu", "Cleaned", "once more")
    # Whoever reads that may unregister the cluster at once: a Lease taken now would stay there.
    assert [write for write in log if write.cluster == "eu"] == []
    await fleethub(theatre, "cluster", "remove", "eu", "--clean", "--yes", "--timeout", "60s")
    await bare(theatre, theatre.members["eu"])
    assert await cluster(theatre, "eu") == {}
    await has(theatre, theatre.members["us"], "one", "more", "two", "three")


async def test_cleaning_that_is_called_off_puts_everything_back(theatre: Theatre) -> None:
    await begin(theatre)
    await annotated(theatre, "eu", clean="now")
    await says(theatre, "eu", "Cleaned")
    await bare(theatre, theatre.members["eu"])
    await annotated(theatre, "eu", clean=None)
    await has(theatre, theatre.members["eu"], "one", "more", "two", "three")
    await ready(theatre, "eu")
    for name in APPS:
        await theatre.synced(name)


async def test_precious_objects_hold_the_cleaning_until_they_are_confirmed(theatre: Theatre) -> None:
    group = f"clean{theatre.number}.example"
    content = {f"apps/{name}/{name}.yaml": config(name, k="1") for name in APPS}
    await begin(theatre, {**content, "apps/one/crd.yaml": manifest_of(definition(group))})
    await widget(theatre, group)
    late = await fleethub(theatre, "cluster", "remove", "eu", "--clean", "--yes", "--timeout", "4s", code=4)
    assert f"widgets.{group}" in late.err
    assert "app confirm" in late.err
    await has(theatre, theatre.members["eu"])
    assert await theatre.members["eu"].get("CustomResourceDefinition", f"widgets.{group}")
    await fleethub(theatre, "app", "confirm", "one", "--yes")
    await fleethub(theatre, "cluster", "remove", "eu", "--clean", "--yes", "--timeout", "60s")
    assert await theatre.members["eu"].get("CustomResourceDefinition", f"widgets.{group}") is None
    await bare(theatre, theatre.members["eu"])
    assert await theatre.members["us"].get("CustomResourceDefinition", f"widgets.{group}")


async def test_a_cluster_that_does_not_answer_is_not_cleaned_and_can_be_let_go_of(theatre: Theatre) -> None:
    await begin(theatre)
    eu = theatre.members["eu"]
    before = await here(theatre, eu)
    await theatre.register("eu", kubeconfig=nowhere(theatre))

    async def silent() -> bool:
        conditions = ((await cluster(theatre, "eu")).get("status") or {}).get("conditions", ())
        return any((one["type"], one["status"]) == ("Reachable", "False") for one in conditions)

    await until(silent, what="it does not answer")
    once = await fleethub(theatre, "cluster", "remove", "eu", "--clean", "--yes", "--timeout", "0", code=3)
    assert "does not answer" in once.err
    late = await fleethub(theatre, "cluster", "remove", "eu", "--clean", "--yes", "--timeout", "2s", code=4)
    assert "The hub goes on" in late.err
    assert await here(theatre, eu) == before
    await fleethub(theatre, "cluster", "remove", "eu")
    assert await cluster(theatre, "eu") == {}
    for name in APPS:
        await theatre.synced(name)
    assert await here(theatre, eu) == before


async def test_a_second_registration_is_not_cleaned(theatre: Theatre) -> None:
    await begin(theatre)
    before = await here(theatre, theatre.members["eu"])
    await theatre.register("zweit", kubeconfig=theatre.planes.members["eu"].kubeconfig)
    await says(theatre, "zweit", "RegisteredTwice", "eu")
    await fleethub(theatre, "cluster", "remove", "zweit", "--clean", "--yes", "--timeout", "5s", code=1)
    await fleethub(theatre, "cluster", "remove", "zweit")
    assert await here(theatre, theatre.members["eu"]) == before
    await stands(theatre, theatre.members["eu"], "one", k="1")


async def test_a_registration_that_git_holds_is_cleaned_and_left_to_git(theatre: Theatre) -> None:
    kubeconfig = theatre.planes.members["eu"].kubeconfig.read_bytes()
    await theatre.start()
    await theatre.keyed("hub")
    key = theatre.hub.secrets.sealing.keyring.newest("hub")
    assert key is not None
    metadata = {
        "name": "eu",
        "namespace": names.HUB_NAMESPACE,
        "labels": {names.SECRET_TYPE: names.SECRET_CLUSTER},
    }
    secret = making.sealed(
        {"metadata": metadata}, {"kubeconfig": kubeconfig}, Scope.STRICT, certified(key.certificate.encode())
    )
    theatre.repo.commit({"root/eu.yaml": manifest_of(secret), "apps/one/one.yaml": config("one", k="1")})
    await theatre.application(
        "root",
        source={"path": "root"},
        placement={"hub": True},
        namespace=names.HUB_NAMESPACE,
        syncPolicy={"automated": {"prune": True, "selfHeal": True, "allowEmpty": True}},
    )
    await theatre.synced("root")
    await theatre.application("one")
    eu = theatre.members["eu"]
    await has(theatre, eu, "one")
    refused = await fleethub(theatre, "cluster", "remove", "eu", "--yes", code=1)
    assert "Application fleethub/root holds Secret fleethub/eu" in refused.err
    asked = await fleethub(theatre, "cluster", "remove", "eu", "--clean", code=1)
    assert "--yes" in asked.err
    await has(theatre, eu, "one")
    done = await fleethub(theatre, "cluster", "remove", "eu", "--clean", "--yes", "--timeout", "60s")
    assert "take it out of Git now" in done.out
    await bare(theatre, eu)
    await theatre.synced("root")
    await says(theatre, "eu", "Cleaned")
    await bare(theatre, eu)
    # Meant otherwise after all: one command has everything back.
    off = await fleethub(theatre, "cluster", "remove", "eu", "--call-off")
    assert "comes back" in off.out
    await has(theatre, eu, "one")
    await fleethub(theatre, "cluster", "remove", "eu", "--clean", "--yes", "--timeout", "60s")
    theatre.repo.commit({"root/eu.yaml": None, "root/README.md": "Clusters of the fleet\n"})

    async def gone() -> bool:
        return await cluster(theatre, "eu") == {}

    await until(gone, what="Git unregisters it")
    await bare(theatre, eu)
