"""The hub is cut off right before and right after each of its writes; a new hub ends where the first would have.

Run 0 names every write of the scenario (create, change, prune, move between Applications, delete a child) through
the I/O seam; then each is a run of its own. The world must end up the same, and no healthy object is rewritten:
an object whose content a step does not change keeps its resourceVersion from before the cut.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from fleet import names
from tests.stage.api import until
from tests.stage.seams import Guillotine, Journal, watched
from tests.stage.theatre import Theatre, config, manifest

APPLICATIONS = ("one", "two", "child")


def child(theatre: Theatre, name: str) -> str:
    """An Application's manifest, for an app of apps."""
    return manifest(
        "Application",
        name,
        spec={
            "source": {"repoURL": theatre.repo.url, "targetRevision": "main", "path": f"apps/{name}"},
            "placement": {"clusterSelector": {}},
            "namespace": theatre.namespace,
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "retry": {"backoff": {"duration": "1s", "maxDuration": "1s"}},
            },
        },
    )


async def begin(theatre: Theatre) -> None:
    """What stands before the scenario: a root with three Applications, synced and sealed."""
    theatre.repo.commit(
        {
            "root/one.yaml": child(theatre, "one"),
            "root/two.yaml": child(theatre, "two"),
            "apps/one/a.yaml": config("a", k="1"),
            "apps/one/moves.yaml": config("moves", k="1"),
            "apps/one/goes.yaml": config("goes", k="1"),
            "apps/two/b.yaml": config("b", k="1"),
            "apps/child/c.yaml": config("c", k="1"),
        }
    )
    for name, member in theatre.members.items():
        await theatre.register(name)
        # Made once a cluster, so that each run makes it again.
        await member.delete("Secret", names.DIGEST_KEY_SECRET, names.MEMBER_NAMESPACE)
    await theatre.api.delete("Secret", names.DIGEST_KEY_SECRET, names.HUB_NAMESPACE)


async def act(theatre: Theatre) -> None:
    """One commit of everything: create, change, prune, move, a new child; then that child goes again."""
    theatre.repo.commit(
        {
            "root/child.yaml": child(theatre, "child"),
            "apps/one/a.yaml": config("a", k="2"),
            "apps/one/new.yaml": config("new", k="1"),
            "apps/one/goes.yaml": None,
            "apps/one/moves.yaml": None,
            "apps/two/moves.yaml": config("moves", k="1"),
        }
    )


async def root(theatre: Theatre) -> None:
    """The app of apps."""
    await theatre.application(
        "root", source={"path": "root"}, placement={"hub": True}, namespace=names.HUB_NAMESPACE
    )


async def world(theatre: Theatre) -> dict[str, Any]:
    """All ConfigMaps of the test on every member: content and owner."""
    found = {}
    for name, member in theatre.members.items():
        for item in await member.list("ConfigMap", theatre.namespace):
            metadata = item["metadata"]
            found[f"{name}/{metadata['name']}"] = (
                item["data"],
                metadata["labels"].get(names.APPLYSET_PART_OF),
            )
    return found


async def identities(theatre: Theatre) -> dict[str, tuple[str, str]]:
    """UID and resourceVersion of each."""
    found = {}
    for name, member in theatre.members.items():
        for item in await member.list("ConfigMap", theatre.namespace):
            metadata = item["metadata"]
            found[f"{name}/{metadata['name']}"] = (metadata["uid"], metadata["resourceVersion"])
    return found


async def reached(theatre: Theatre, wanted: dict[str, Any]) -> None:
    """Wait until the world is as wanted."""

    async def same() -> bool:
        return {key: value[0] for key, value in (await world(theatre)).items()} == wanted

    try:
        await until(same, 30, what="the world is as it should be", interval=0.05)
    except AssertionError as error:
        seen = {key: value[0] for key, value in (await world(theatre)).items()}
        told = {name: (await theatre.status(name)).get("conditions") for name in ("root", *APPLICATIONS)}
        raise AssertionError(f"{error}\nwanted {wanted}\nseen {seen}\n{told}") from None


def desired(theatre: Theatre, *, after: bool, child_there: bool) -> dict[str, Any]:
    """The content of the members before and after the commit."""
    one = {"a": {"k": "2"}, "new": {"k": "1"}} if after else {"a": {"k": "1"}, "goes": {"k": "1"}}
    both = {**one, "moves": {"k": "1"}, "b": {"k": "1"}}
    if child_there:
        both["c"] = {"k": "1"}
    return {f"{member}/{name}": data for member in theatre.members for name, data in both.items()}


async def scenario(theatre: Theatre, journal: Journal, guillotine: Guillotine | None) -> None:
    """Run it all; with a guillotine, a new hub takes over where it falls, also while the first still starts."""
    await begin(theatre)
    starting = asyncio.ensure_future(theatre.start(watched(journal, guillotine), poll_interval=0.15))
    steps = asyncio.ensure_future(_steps(theatre))
    try:
        if guillotine is not None:
            falling = asyncio.ensure_future(guillotine.fallen.wait())
            await asyncio.wait({falling, steps}, return_when=asyncio.FIRST_COMPLETED)
            falling.cancel()
            assert guillotine.fallen.is_set(), f"the write {guillotine.at} did not come"
            starting.cancel()
            await asyncio.wait({starting})
            await theatre.kill()
            await theatre.start(watched(Journal()), poll_interval=0.15)
        else:
            await starting
        await asyncio.wait_for(steps, 60)
    finally:
        for task in (starting, steps):
            task.cancel()
        await asyncio.wait({starting, steps})


async def _steps(theatre: Theatre) -> None:
    await root(theatre)
    await reached(theatre, desired(theatre, after=False, child_there=False))
    before = await identities(theatre)
    await act(theatre)
    await reached(theatre, desired(theatre, after=True, child_there=True))
    middle = await identities(theatre)
    for key, (uid, version) in before.items():
        name = key.partition("/")[2]
        if name == "b":
            assert middle[key] == (uid, version), f"{key} was rewritten"
        elif name in ("a", "moves"):
            assert middle[key][0] == uid, f"{key} was made anew"
    theatre.repo.commit({"root/child.yaml": None})
    await reached(theatre, desired(theatre, after=True, child_there=False))

    async def gone() -> bool:
        return await theatre.api.get("Application", "child", names.HUB_NAMESPACE) is None

    await until(gone, 30, what="the child Application is gone")
    last = await identities(theatre)
    for key, (uid, version) in middle.items():
        if not key.endswith("/c"):
            # The hand-over may write once more when a cut fell into it, but never makes anything anew.
            assert last[key][0] == uid, f"{key} was made anew"
            if key.partition("/")[2] in ("a", "new", "b"):
                assert last[key][1] == version, f"{key} was rewritten"
    for name, member in theatre.members.items():
        parents = await member.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)
        assert len(parents) == 2, f"{name} holds parents of {[p['metadata']['name'] for p in parents]}"


def normal(name: str, theatre: Theatre) -> str:
    """A write's name without what differs between tests."""
    return re.sub(r"\b" + theatre.namespace + r"\b", "NAMESPACE", name)


@pytest.fixture(scope="module")
async def names_of_writes(planes: Any, hub_api: Any, member_apis: Any) -> list[str]:
    """Run 0; one before it makes what is made once and stays, the members' namespace."""
    for journal in (Journal(), Journal()):
        theatre = Theatre(planes, hub_api, member_apis)
        await theatre.open()
        try:
            await scenario(theatre, journal, None)
        finally:
            await theatre.close()
    return [normal(name, theatre) for name in journal.writes if certain(name)]


def certain(name: str) -> bool:
    """Whether every run makes this write: statuses join as time has it, and so do the names that go from placed."""
    path, _, number = name.split(" ", 1)[1].rpartition(" #")
    return not path.endswith("/status") and not (path.endswith("/applications/child") and int(number) > 4)


@pytest.mark.timeout(1500)
async def test_the_world_ends_up_the_same_wherever_the_hub_is_cut_off(
    names_of_writes: list[str], planes: Any, hub_api: Any, member_apis: Any
) -> None:
    assert len(names_of_writes) > 20
    failures = []
    for name in names_of_writes:
        for after in (False, True):
            theatre = Theatre(planes, hub_api, member_apis)
            await theatre.open()
            at = name.replace("NAMESPACE", theatre.namespace)
            try:
                await scenario(theatre, Journal(), Guillotine(at, after=after))
            except AssertionError as error:
                failures.append(f"{'after' if after else 'before'} {name}: {error}")
            finally:
                await theatre.close()
    assert not failures, "\n\n".join(failures)
