"""H19: what a new hub would write on a member is what stands there: it reads the same key."""

from __future__ import annotations

from fleet import names
from tests.hazards.scene import begin, live, sealed, versions
from tests.stage.seams import Meddler, meddled
from tests.stage.theatre import Theatre, config, deployment, manifest


async def test_a_hub_whose_store_is_lost_changes_neither_annotation_nor_pod_template(
    theatre: Theatre,
) -> None:
    """H19: the rule is ``fleet.worker.digest_key.read``: the key lives beside the parents, on the member."""
    theatre.repo.commit(
        {
            "apps/app/web.yaml": deployment(),
            "apps/app/a.yaml": config("a", k="1"),
            "apps/app/s.yaml": manifest("Secret", "s", stringData={"p": "v"}),
        }
    )
    await begin(theatre)
    await theatre.application()
    await theatre.synced()
    await sealed(theatre)
    web = await live(theatre, "Deployment", "web")
    before = await versions(theatre)
    assert web
    await theatre.stop()
    # All that the hub keeps of its own is lost: kinds, placements, keys, Leases.
    for kind in ("Application", "Cluster"):
        for found in await theatre.api.list(kind, names.HUB_NAMESPACE):
            name = found["metadata"]["name"]
            await theatre.api.patch(kind, name, names.HUB_NAMESPACE, {"metadata": {"finalizers": None}})
            await theatre.api.delete(kind, name, names.HUB_NAMESPACE)
    await theatre.api.delete("Secret", names.DIGEST_KEY_SECRET, names.HUB_NAMESPACE)
    await theatre.api.delete("Lease", names.HUB_LEASE, names.HUB_NAMESPACE)
    meddler = Meddler()
    await begin(theatre, seams=meddled(meddler))
    await theatre.application()
    await theatre.synced()
    after = await live(theatre, "Deployment", "web")
    assert after
    assert after["metadata"]["generation"] == web["metadata"]["generation"]
    assert after["metadata"]["annotations"] == web["metadata"]["annotations"]
    assert after["spec"]["template"] == web["spec"]["template"]
    assert await versions(theatre) == before
    assert meddler.writes("eu") == []
