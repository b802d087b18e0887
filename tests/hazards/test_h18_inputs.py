"""H18: a change is held against what was computed last, absence is an input, and scope is each cluster's own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fleet.errors import FleetError
from fleet.hub import rendering
from fleet.kube.request import Request
from tests.hazards.scene import begin, has
from tests.stage.api import Api, until
from tests.stage.theatre import Theatre, config, definition, manifest_of


async def test_a_change_whose_render_failed_in_passing_is_not_lost_with_the_next_commit(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H18: the rule is ``fleet.hub.readers.Readers.concerned``: who failed keeps the baseline that it had."""
    theatre.repo.commit({"apps/one/a.yaml": config("a", k="1"), "apps/two/b.yaml": config("b", k="1")})
    await begin(theatre, poll_interval=0.15)
    for name in ("one", "two"):
        await theatre.application(name)
        await theatre.synced(name)
    failed = asyncio.Event()
    whole = rendering.render

    async def passing(source: Any, *arguments: Any) -> Any:
        if source.path == "apps/one":
            failed.set()
            raise FleetError("no memory is left")
        return await whole(source, *arguments)

    monkeypatch.setattr(rendering, "render", passing)
    theatre.repo.commit({"apps/one/a.yaml": config("a", k="2")})
    await theatre.told("one", "RenderFailed", "no memory")
    monkeypatch.setattr(rendering, "render", whole)
    assert failed.is_set()
    # The next commit speaks of another Application alone.
    theatre.repo.commit({"apps/two/b.yaml": config("b", k="2")})
    await has(theatre, "b", k="2")
    await has(theatre, "a", k="2")


async def test_what_was_looked_for_and_missing_wakes_when_it_comes(theatre: Theatre) -> None:
    """H18: the rule is ``fleet.hub.readers.Readers.looked``: a path that is absent has been read too."""
    theatre.repo.commit({"other/readme.txt": "\n"})
    await begin(theatre, poll_interval=0.15)
    await theatre.application("late")
    await theatre.told("late", "RenderFailed", "apps/late")
    theatre.repo.commit({"apps/late/a.yaml": config("a", k="1")})
    await has(theatre, "a", k="1")


async def test_a_new_file_in_a_folder_wakes_though_no_file_that_was_read_changed(theatre: Theatre) -> None:
    """H18: the rule is ``fleet.hub.readers.Readers._readers``: a folder that was listed has been read."""
    theatre.repo.commit({"apps/app/deep/a.yaml": config("a", k="1")})
    await begin(theatre, poll_interval=0.15)
    await theatre.application(source={"directory": {"recurse": True}})
    await theatre.synced()
    theatre.repo.commit({"apps/app/other/deeper/b.yaml": config("b", k="1")})
    await has(theatre, "b", k="1")
    theatre.repo.commit({"apps/app/deep/c.yaml": config("c", k="1")})
    await has(theatre, "c", k="1")


async def test_a_kind_is_placed_by_the_scope_that_it_has_on_each_cluster(theatre: Theatre) -> None:
    """H18: the rule is ``fleet.sync.scope.fill``, for each target, after the render that all share."""
    group = f"scope{theatre.number}.test"
    wide = definition(group)
    wide["spec"]["scope"] = "Cluster"
    await theatre.members["eu"].apply(definition(group))
    await theatre.members["us"].apply(wide)
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 1}}
    try:
        for api in theatre.members.values():
            await until(lambda api=api: served(api, group), what="the kind is served")  # type: ignore[misc]
        theatre.repo.commit({"apps/app/w.yaml": manifest_of(widget)})
        await begin(theatre, "eu", "us")
        await theatre.application()
        await theatre.synced()
        assert await theatre.members["eu"].get(f"widgets.{group}", "w", theatre.namespace)
        assert await theatre.members["us"].get(f"widgets.{group}", "w")
        # And each heals where it is.
        await theatre.members["us"].delete(f"widgets.{group}", "w")
        await until(lambda: theatre.members["us"].get(f"widgets.{group}", "w"), what="it is made again")
    finally:
        await theatre.stop()
        for api in theatre.members.values():
            await api.delete("CustomResourceDefinition", f"widgets.{group}")


async def served(api: Api, group: str) -> bool:
    """Whether the kind can be listed."""
    try:
        await api.send(Request("GET", f"/apis/{group}/v1/widgets"))
    except FleetError:
        return False
    return True
