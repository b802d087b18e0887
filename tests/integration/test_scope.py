"""A member that is registered for some namespaces: in these the hub does all it does, and nothing beyond them."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fleet import names
from fleet.clusters import enrol
from fleet.clusters.registration import Scope
from fleet.errors import FleetError
from fleet.kube import failure
from tests.integration.test_cli import Done, add, fleethub
from tests.stage.api import Api, holds, until
from tests.stage.seams import Journal, watched
from tests.stage.theatre import Theatre, config, manifest


@pytest.fixture
async def spaces(theatre: Theatre) -> AsyncIterator[tuple[str, str, str]]:
    """Three namespaces of the first member, of which the third is nobody's; they are empty again afterwards."""
    found = (theatre.namespace, f"{theatre.namespace}-b", f"{theatre.namespace}-c")
    eu = theatre.members["eu"]
    await enrol.unenrol(eu.send)  # whatever a test before this one has let in
    for name in found:
        await eu.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield found
    await theatre.stop()
    for name in found:
        await eu.empty("ConfigMap", name)
    await eu.delete("ClusterRole", beyond(theatre))
    await enrol.unenrol(eu.send)


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What servers refused to a hub in this process, by the words of the refusal."""
    found: list[str] = []
    real = failure.from_answer

    def told(status: int, body: bytes, *rest: Any) -> FleetError:
        if status in (401, 403):
            found.append(body.decode())
        return real(status, body, *rest)

    monkeypatch.setattr(failure, "from_answer", told)
    return found


def beyond(theatre: Theatre) -> str:
    return f"beyond-{theatre.number}"


def within(name: str, namespace: str) -> str:
    """A ConfigMap that says itself where it is to be."""
    return manifest("ConfigMap", name, namespace, data={"k": "1"})


async def register(theatre: Theatre, *namespaces: str, code: int = 0) -> Done:
    """``cluster add`` with these namespaces, and what begins with dashes as it is."""
    file = str(theatre.planes.members["eu"].kubeconfig)
    flags = [one for one in namespaces if one.startswith("--")]
    spaces = ",".join(one for one in namespaces if one not in flags)
    given = ("--member-kubeconfig", file, "--namespaces", spaces, *flags)
    return await fleethub(theatre, "cluster", "add", "eu", *given, code=code)


async def value(api: Api, namespace: str, name: str) -> str | None:
    found = await api.get("ConfigMap", name, namespace)
    return None if found is None else str(found["data"]["k"])


async def parents(api: Api) -> list[dict[str, Any]]:
    return await api.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)


async def sealed(api: Api) -> bool:
    found = await parents(api)
    return bool(found) and all(names.SET_SEAL in one["metadata"]["annotations"] for one in found)


async def gone(api: Api, *refs: tuple[str, str]) -> None:
    async def look() -> bool:
        return not any([await api.get("ConfigMap", name, namespace) for namespace, name in refs])

    await until(look, what=f"{refs} are gone")


async def test_in_its_namespaces_all_is_applied_healed_and_pruned_and_beyond_them_nothing_is_touched(
    theatre: Theatre, spaces: tuple[str, str, str], forbidden: list[str]
) -> None:
    a, b, c = spaces
    eu = theatre.members["eu"]
    await theatre.start()
    missing = await register(theatre, a, "not-there", code=1)
    assert "not-there" in missing.err
    assert a not in missing.err
    assert await eu.get("ServiceAccount", names.MEMBER_ACCOUNT, names.MEMBER_NAMESPACE) is None
    done = await register(theatre, b, a)
    assert f"Role fleethub-namespaces in namespace {b}: everything in it" in done.out
    assert await enrol.scope_of(eu.send) == Scope((a, b))
    shown = await fleethub(theatre, "cluster", "get", "eu")
    assert f"namespaces {a}, {b}" in shown.out
    examined = await fleethub(theatre, "cluster", "doctor", "eu")
    assert f"namespaces {a}, {b}" in examined.out
    forbidden.clear()  # an API server takes a moment to know of new rights
    theatre.repo.commit(
        {
            "apps/app/a.yaml": config("x", k="1"),
            "apps/app/b.yaml": within("x", b),
            "apps/app/c.yaml": within("x", c),
            "apps/app/role.yaml": manifest("ClusterRole", beyond(theatre), rules=[]),
            "apps/app/old-a.yaml": config("old", k="1"),
            "apps/app/old-b.yaml": within("old", b),
        }
    )
    await theatre.application("app")
    await theatre.told(
        "app", "OutsideScope", f"namespaces {a}, {b} alone", f"not namespace {c}", "ClusterRole"
    )
    for space in (a, b):
        assert await until(lambda space=space: value(eu, space, "x"), what=f"x is in {space}") == "1"
    assert await eu.get("ConfigMap", "x", c) is None
    assert await eu.get("ClusterRole", beyond(theatre)) is None
    # What is refused is not in the inventory, and holds nothing up but pruning.
    (parent,) = await parents(eu)
    assert parent["metadata"]["annotations"][names.APPLYSET_NAMESPACES] == f"{a},{b}"
    assert parent["metadata"]["annotations"][names.APPLYSET_KINDS] == "ConfigMap"
    for space in (a, b):
        await eu.patch("ConfigMap", "x", space, {"data": {"k": "2"}})

        async def healed(space: str = space) -> bool:
            return await value(eu, space, "x") == "1"

        await until(healed, what=f"drift in {space} is healed")
    refused: dict[str, str | None] = {
        f"apps/app/{name}.yaml": None for name in ("c", "role", "old-a", "old-b")
    }
    theatre.repo.commit(refused)
    await gone(eu, (a, "old"), (b, "old"))
    await theatre.synced("app")
    # The Application's own namespace may be there; another cannot be made.
    await theatre.application(
        "app",
        namespace=c,
        syncPolicy={"automated": {"selfHeal": True}, "syncOptions": ["CreateNamespace=true"]},
    )
    await theatre.told("app", "OutsideScope", f"Namespace {c}: ")
    await theatre.application(
        "app",
        syncPolicy={"automated": {"prune": True, "selfHeal": True}, "syncOptions": ["CreateNamespace=true"]},
    )
    await theatre.synced("app")
    await until(lambda: sealed(eu), what="the parent is sealed")
    await theatre.stop()
    journal = Journal()
    hub = await theatre.start(watched(journal))
    await until(lambda: known(theatre), what="the target is known again")
    await theatre.synced("app")
    await hub.clock.sleep(1.5)
    assert [one for one in journal.writes if one.startswith("eu ")] == []
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)
    await gone(eu, (a, "x"), (b, "x"))
    await until(lambda: nothing(eu), what="the parent is gone")
    assert forbidden == []


async def known(theatre: Theatre) -> bool:
    return all(theatre.hub.board.outcomes(key) for key in theatre.hub.world.applications)


async def nothing(api: Api) -> bool:
    return not await parents(api)


async def test_what_lies_beyond_a_scope_that_shrank_is_held_until_it_is_reached_again(
    theatre: Theatre, spaces: tuple[str, str, str]
) -> None:
    a, b, _ = spaces
    eu = theatre.members["eu"]
    await theatre.start()
    await add(theatre, "eu")
    theatre.repo.commit(
        {
            "apps/app/a.yaml": config("x", k="1"),
            "apps/app/b.yaml": within("x", b),
            "apps/app/old-b.yaml": within("old", b),
            "apps/app/role.yaml": manifest("ClusterRole", beyond(theatre), rules=[]),
        }
    )
    await theatre.application("app")
    await theatre.synced("app")
    await until(lambda: sealed(eu), what="the parent is sealed")
    done = await register(theatre, a)
    assert "ClusterRole fleethub-namespaces" in done.out
    await theatre.told("app", "OutsideScope", f"not namespace {b}")
    theatre.repo.commit({"apps/app/old-b.yaml": None, "apps/app/b.yaml": None, "apps/app/role.yaml": None})
    await theatre.told(
        "app", "OutsideScope", f"namespace {b} and objects of ClusterRole", "left as it is, unseen"
    )
    # All that is seen is as Git wants it, and the inventory tells of the rest all the same.
    await theatre.synced("app")
    await until(lambda: sealed(eu), what="the parent is sealed anew")
    (parent,) = await parents(eu)
    assert b in parent["metadata"]["annotations"][names.APPLYSET_NAMESPACES]
    assert "ClusterRole" in parent["metadata"]["annotations"][names.APPLYSET_KINDS]
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)
    await gone(eu, (a, "x"))

    async def kept() -> bool:
        left = [await value(eu, b, name) for name in ("x", "old")]
        role = await eu.get("ClusterRole", beyond(theatre))
        return left == ["1", "1"] and role is not None and bool(await parents(eu))

    await holds(kept, 1.0)
    assert await theatre.api.get("Application", "app", names.HUB_NAMESPACE) is not None
    # One namespace more is not yet all of it.
    kubeconfig = str(theatre.planes.members["eu"].kubeconfig)
    file = theatre.folder / "clusters.json"
    file.write_text(json.dumps([{"name": "eu", "memberKubeconfig": kubeconfig, "namespaces": [a, b]}]))
    for result in ("changed", "unchanged"):
        done = await fleethub(theatre, "cluster", "apply", "-f", str(file), "-o", "json")
        assert done.json["items"][0]["result"] == result, done
    await gone(eu, (b, "x"), (b, "old"))
    await fleethub(
        theatre,
        *("cluster", "add", "eu", "--scope", "cluster-admin"),
        *("--member-kubeconfig", kubeconfig),
    )

    async def over() -> bool:
        return await theatre.api.get("Application", "app", names.HUB_NAMESPACE) is None

    await until(over, what="the Application is gone")
    assert await eu.get("ClusterRole", beyond(theatre)) is None
    assert await eu.get("ClusterRole", "fleethub-namespaces") is None
    assert await eu.get("Role", "fleethub-namespaces", b) is None


async def test_the_list_stays_what_it_was_until_another_is_given_and_a_declared_cluster_says_it_itself(
    theatre: Theatre, spaces: tuple[str, str, str]
) -> None:
    a, b, _ = spaces
    eu = theatre.members["eu"]

    async def held() -> tuple[str, Scope]:
        secret = await theatre.api.get("Secret", "eu-kubeconfig", names.HUB_NAMESPACE)
        assert secret
        return base64.b64decode(secret["data"].get("namespaces", "")).decode(), await enrol.scope_of(eu.send)

    await register(theatre, a, b, "--no-wait")
    assert await held() == (f"{a},{b}", Scope((a, b)))
    await add(theatre, "eu", "--no-wait")
    assert await held() == (f"{a},{b}", Scope((a, b)))
    # What is registered counts: a list that somebody shortened by hand is what the account gets.
    shorter = {"data": {"namespaces": base64.b64encode(b.encode()).decode()}}
    await theatre.api.patch("Secret", "eu-kubeconfig", names.HUB_NAMESPACE, shorter)
    await add(theatre, "eu", "--no-wait")
    assert await held() == (b, Scope((b,)))
    assert await eu.get("Role", "fleethub-namespaces", a) is None
    await theatre.api.delete("Secret", "eu-kubeconfig", names.HUB_NAMESPACE)
    await theatre.api.apply(
        {
            "apiVersion": names.API_VERSION,
            "kind": "Cluster",
            "metadata": {"name": "eu", "namespace": names.HUB_NAMESPACE},
            "spec": {"server": theatre.planes.members["eu"].server, "namespaces": [b, a]},
        }
    )
    refused = await register(theatre, a, "--no-wait", code=1)
    assert "spec.namespaces" in refused.err
    await add(theatre, "eu", "--no-wait")
    assert await enrol.scope_of(eu.send) == Scope((a, b))
    await register(theatre, a, b, "--no-wait")
    # An account that is gone altogether is made anew for as much as the Cluster says, and not for everything.
    await enrol.unenrol(eu.send)
    file = str(theatre.planes.members["eu"].kubeconfig)
    await fleethub(theatre, "cluster", "rotate", "eu", "--member-kubeconfig", file, "--no-wait")
    assert await enrol.scope_of(eu.send) == Scope((a, b))
