"""What the hazards' tests have in common: how a scene begins, what is live, and what must not change."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fleet import names
from fleet.hub.seams import Seams
from tests.stage.api import until
from tests.stage.theatre import Theatre, manifest

PRUNED: dict[str, Any] = {"automated": {"prune": True, "selfHeal": True}}


async def begin(theatre: Theatre, *members: str, seams: Seams | None = None, **settings: Any) -> None:
    """Members (``eu`` where none is named) and a hub."""
    for name in members or ("eu",):
        await theatre.register(name, {"env": "prod"})
    await theatre.start(seams, **settings)


async def live(theatre: Theatre, kind: str, name: str, member: str = "eu") -> dict[str, Any] | None:
    """An object on a member, in the test's namespace."""
    return await theatre.members[member].get(kind, name, theatre.namespace)


async def uid(theatre: Theatre, kind: str, name: str, member: str = "eu") -> str:
    """The UID of an object that is there and is not on its way out."""
    found = await live(theatre, kind, name, member)
    assert found is not None, f"{kind} {name} is gone from {member}"
    assert "deletionTimestamp" not in found["metadata"], f"{kind} {name} is being deleted on {member}"
    value: str = found["metadata"]["uid"]
    return value


async def has(theatre: Theatre, name: str, member: str = "eu", **data: str) -> None:
    """Wait until a ConfigMap has exactly this content."""
    found: dict[str, Any] | None = None

    async def look() -> bool:
        nonlocal found
        found = await live(theatre, "ConfigMap", name, member)
        return found is not None and found.get("data", {}) == data

    try:
        await until(look, what=f"{name} is {data}")
    except AssertionError as error:
        raise AssertionError(f"{error}; it is {found}; status: {await theatre.status()}") from None


async def gone(theatre: Theatre, name: str = "app") -> None:
    """Wait until an Application is gone."""

    async def look() -> bool:
        return await theatre.api.get("Application", name, names.HUB_NAMESPACE) is None

    await until(look, what=f"the Application {name} is gone")


async def parent(theatre: Theatre, name: str = "app", member: str = "eu") -> dict[str, Any] | None:
    """The inventory's parent of an Application on a member."""
    for found in await theatre.members[member].list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID):
        if found["metadata"]["annotations"].get(names.SET_APPLICATION) == f"{names.HUB_NAMESPACE}/{name}":
            return found
    return None


async def kinds(theatre: Theatre, name: str = "app", member: str = "eu") -> set[str]:
    """The kinds that a parent names."""
    found = await parent(theatre, name, member)
    text = found["metadata"]["annotations"].get(names.APPLYSET_KINDS, "") if found else ""
    return {kind for kind in text.split(",") if kind}


async def sealed(theatre: Theatre, *applications: str, members: tuple[str, ...] = ("eu",)) -> None:
    """Wait until the parents carry their seal; nothing is left to do then."""

    async def look() -> bool:
        for member in members:
            for name in applications or ("app",):
                found = await parent(theatre, name, member)
                if found is None or names.SET_SEAL not in found["metadata"]["annotations"]:
                    return False
        return True

    async with hurried(theatre):  # a seal waits for some quiet seconds
        await until(look, 30, what="all parents are sealed")


async def versions(theatre: Theatre, member: str = "eu", *kinds: str) -> dict[str, tuple[str, str]]:
    """UID and resourceVersion of what is in the test's namespace."""
    found = {}
    for kind in kinds or ("ConfigMap", "Secret", "Deployment"):
        for item in await theatre.members[member].list(kind, theatre.namespace):
            metadata = item["metadata"]
            found[f"{kind}/{metadata['name']}"] = (metadata["uid"], metadata["resourceVersion"])
    return found


@contextlib.asynccontextmanager
async def hurried(theatre: Theatre, seconds: float = 1.0) -> AsyncIterator[None]:
    """Let the hub's clock run: so many seconds each time that a tenth of one passes."""

    async def run() -> None:
        while True:
            await asyncio.sleep(0.1)
            theatre.hub.clock.advance(seconds)

    running = asyncio.ensure_future(run())
    try:
        yield
    finally:
        running.cancel()


async def cluster_told(theatre: Theatre, name: str, kind: str, status: str, *words: str) -> str:
    """Wait for a condition of a Cluster; its reason and message."""
    last: Any = None

    async def look() -> str | None:
        nonlocal last
        last = await theatre.api.get("Cluster", name, names.HUB_NAMESPACE)
        for one in ((last or {}).get("status") or {}).get("conditions", ()):
            text = f"{one['reason']} {one['message']}"
            if (one["type"], one["status"]) == (kind, status) and all(word in text for word in words):
                return text
        return None

    try:
        found: str = await until(look, 30)
    except AssertionError:
        raise AssertionError(f"{name} does not say {kind} {status} {words}: {last}") from None
    return found


def child(theatre: Theatre, name: str, path: str = "", **spec: Any) -> str:
    """An Application's manifest for an app of apps, of this test's repository."""
    body: dict[str, Any] = {
        "source": {
            "repoURL": theatre.repo.url,
            "targetRevision": "main",
            "path": path or f"apps/{name}",
        },
        "placement": {"clusterSelector": {}},
        "namespace": theatre.namespace,
        "syncPolicy": {**PRUNED, "retry": {"backoff": {"duration": "1s", "maxDuration": "2s"}}},
        **spec,
    }
    return manifest("Application", name, names.HUB_NAMESPACE, spec=body)


async def root(theatre: Theatre, name: str = "root", path: str = "root") -> None:
    """An app of apps."""
    await theatre.application(name, placement={"hub": True}, source={"path": path})
