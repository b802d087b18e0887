"""H3: what moves between Applications, roots or names keeps its UID: it is handed over, never made anew."""

from __future__ import annotations

from fleet import names
from fleet.model import ApplicationKey, Sync
from tests.hazards.scene import begin, child, gone, has, live, root, uid
from tests.stage.api import until
from tests.stage.theatre import Theatre, config, manifest

TURNS = 10


def claim(name: str = "data") -> str:
    """A PersistentVolumeClaim's manifest."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return manifest("PersistentVolumeClaim", name, spec=spec)


async def done(theatre: Theatre, commit: str, *applications: str) -> None:
    """Wait until the passes of these Applications have come to an end for a commit."""

    async def look() -> bool:
        for name in applications:
            outcomes = theatre.hub.board.outcomes(ApplicationKey(names.HUB_NAMESPACE, name))
            if not outcomes or any(
                one.sync is not Sync.SYNCED or [r.commit for r in one.revisions] != [commit]
                for one in outcomes
            ):
                return False
        return True

    try:
        await until(look, what=f"{applications} are done with {commit[:7]}")
    except AssertionError as error:
        told = {name: (await theatre.status(name)).get("conditions") for name in applications}
        raise AssertionError(f"{error}; {told}") from None


async def two(theatre: Theatre) -> str:
    """Applications zeta and alpha, the first with a claim; its UID."""
    theatre.repo.commit(
        {
            "apps/zeta/data.yaml": claim(),
            "apps/zeta/z.yaml": config("z", k="1"),
            "apps/alpha/a.yaml": config("a", k="1"),
        }
    )
    await begin(theatre, poll_interval=0.15)
    for name in ("zeta", "alpha"):
        await theatre.application(name)
        await theatre.synced(name)
    return await uid(theatre, "PersistentVolumeClaim", "data")


async def test_a_claim_moved_to_and_fro_ten_times_has_one_uid(theatre: Theatre) -> None:
    """H3: the rule is ``fleet.sync.claims.Claims.others``: what another target claims is not stale."""
    before = await two(theatre)
    for turn in range(TURNS):
        source, target = ("zeta", "alpha") if turn % 2 == 0 else ("alpha", "zeta")
        commit = theatre.repo.move(f"apps/{source}/data.yaml", f"apps/{target}/data.yaml")
        await done(theatre, commit, source, target)
        assert await uid(theatre, "PersistentVolumeClaim", "data") == before, f"turn {turn}"


async def test_what_moves_to_an_application_that_does_not_render_waits_where_it_is(theatre: Theatre) -> None:
    """H3: the rule is ``fleet.hub.changes.Changes.open``: prunes wait for everybody whom the commit concerns."""
    before = await two(theatre)
    theatre.repo.commit(
        {
            "apps/zeta/data.yaml": None,
            "apps/alpha/data.yaml": claim(),
            "apps/alpha/kustomization.yaml": "resources: [gone.yaml]\n",
        }
    )
    await theatre.told("zeta", "PruneWaits", "fleethub/alpha")
    assert await uid(theatre, "PersistentVolumeClaim", "data") == before
    commit = theatre.repo.commit({"apps/alpha/kustomization.yaml": None})
    await theatre.synced("alpha", commit)
    await theatre.synced("zeta")
    assert await uid(theatre, "PersistentVolumeClaim", "data") == before
    found = await live(theatre, "PersistentVolumeClaim", "data")
    other = await live(theatre, "ConfigMap", "a")
    assert found
    assert other
    label = names.APPLYSET_PART_OF
    assert found["metadata"]["labels"][label] == other["metadata"]["labels"][label]


async def test_a_renamed_application_keeps_every_object(theatre: Theatre) -> None:
    """H3: the rule is ``fleet.hub.knowing.Knowing.detains``: a root deletes when what it makes has claimed."""
    theatre.repo.commit(
        {
            "apps/shop/data.yaml": claim(),
            "apps/shop/a.yaml": config("a", k="1"),
            "root/shop.yaml": child(theatre, "shop"),
        }
    )
    await begin(theatre, poll_interval=0.15)
    await root(theatre)
    await theatre.synced("shop")
    before = await uid(theatre, "PersistentVolumeClaim", "data"), await uid(theatre, "ConfigMap", "a")
    theatre.repo.commit({"root/shop.yaml": None, "root/store.yaml": child(theatre, "store", "apps/shop")})
    await gone(theatre, "shop")
    await theatre.synced("store")
    await theatre.synced("root")
    after = await uid(theatre, "PersistentVolumeClaim", "data"), await uid(theatre, "ConfigMap", "a")
    assert after == before


async def test_a_child_moved_to_another_root_is_the_same_application_with_the_same_objects(
    theatre: Theatre,
) -> None:
    """H3: the rule is ``fleet.sync.claims.Claims.others``, on the hub as on any member."""
    theatre.repo.commit(
        {
            "apps/shop/a.yaml": config("a", k="1"),
            "apps/rest/b.yaml": config("b", k="1"),
            "left/shop.yaml": child(theatre, "shop"),
            "left/rest.yaml": child(theatre, "rest"),
            "right/other.yaml": child(theatre, "other", "apps/rest", placement={"clusters": []}),
        }
    )
    await begin(theatre, poll_interval=0.15)
    for name in ("left", "right"):
        await root(theatre, name, name)
    await theatre.synced("shop")
    await theatre.synced("right")
    application = await theatre.api.get("Application", "shop", names.HUB_NAMESPACE)
    assert application
    before = await live(theatre, "ConfigMap", "a")
    for source, target in (("left", "right"), ("right", "left"), ("left", "right")):
        commit = theatre.repo.move(f"{source}/shop.yaml", f"{target}/shop.yaml")
        await done(theatre, commit, "left", "right")
        found = await theatre.api.get("Application", "shop", names.HUB_NAMESPACE)
        assert found, f"lost on its way from {source} to {target}"
        assert found["metadata"]["uid"] == application["metadata"]["uid"]
        assert "deletionTimestamp" not in found["metadata"]
        assert await live(theatre, "ConfigMap", "a") == before
    commit = theatre.repo.commit({"apps/shop/a.yaml": config("a", k="2")})
    await has(theatre, "a", k="2")
