"""H1: what merely carries our label, since a controller copied it, is no member: never pruned, counted or shown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap.local.plane import Plane
from bootstrap.local.servers import Components
from bootstrap.local.warden import Warden
from fleet import names
from tests.integration.test_cli import fleethub
from tests.stage.api import Api, holds, until
from tests.stage.seams import Journal, watched
from tests.stage.theatre import Theatre, config, deployment, manifest, manifest_of

ADDRESS = "192.0.2.7"


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A cluster with its real controllers, scheduler and a played node."""
    folder: Path = tmp_path_factory.mktemp("living")
    with Warden() as warden:
        plane = Plane.create("living", folder / "living", components=Components.ALL, warden=warden)
        plane.start()
        plane.wait_ready()
        yield plane


@pytest.fixture
async def member(living: Plane) -> AsyncIterator[Api]:
    api = await Api.of(living.kubeconfig)
    yield api
    await api.close()


def service(name: str) -> str:
    spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80}]}
    return manifest("Service", name, spec=spec)


def database() -> str:
    """The usual reason to hold Endpoints and slices in Git: an address outside the cluster."""
    ports = [{"name": "sql", "port": 5432, "protocol": "TCP"}]
    return "---\n".join(
        (
            manifest("Service", "db", spec={"ports": [{"name": "sql", "port": 5432}]}),
            manifest("Endpoints", "db", subsets=[{"addresses": [{"ip": ADDRESS}], "ports": ports}]),
            manifest_of(
                {
                    "apiVersion": "discovery.k8s.io/v1",
                    "kind": "EndpointSlice",
                    "metadata": {"name": "db-1", "labels": {"kubernetes.io/service-name": "db"}},
                    "addressType": "IPv4",
                    "endpoints": [{"addresses": [ADDRESS]}],
                    "ports": ports,
                }
            ),
        )
    )


async def test_what_controllers_make_of_a_service_is_left_to_them(
    theatre: Theatre, living: Plane, member: Api
) -> None:
    """H1: the rule is ``fleet.ownership.membership.member``."""
    namespace = theatre.namespace
    await member.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    journal = Journal()
    theatre.repo.commit(
        {
            "apps/app/web.yaml": deployment(replicas=1),
            "apps/app/service.yaml": service("web"),
            "apps/app/db.yaml": database(),
            "apps/app/extra.yaml": config("extra", k="1"),
        }
    )
    await theatre.register("living", kubeconfig=living.kubeconfig)
    await theatre.start(watched(journal))
    await theatre.application()
    await theatre.synced(timeout=60)
    mine = f"{names.APPLYSET_PART_OF}"

    async def copied() -> dict[str, str] | None:
        """UIDs of what the controllers made, with the label that they copied."""
        found = {}
        for kind in ("Endpoints", "EndpointSlice"):
            for one in await member.list(kind, namespace, mine):
                owner = one["metadata"]["name"]
                ready = one.get("subsets") or one.get("endpoints")
                if owner not in ("db", "db-1") and ready:
                    found[f"{kind}/{owner}"] = one["metadata"]["uid"]
        return found if len({name.partition("/")[0] for name in found}) == 2 else None

    before = await until(copied, 60, what="the controllers have copied the label")
    # A pass that prunes, with both kinds in the parent.
    commit = theatre.repo.commit({"apps/app/extra.yaml": None})
    await theatre.synced(commit=commit)

    async def pruned() -> bool:
        return await member.get("ConfigMap", "extra", namespace) is None

    await until(pruned, what="what left Git is gone")

    async def same() -> bool:
        return await copied() == before

    await holds(same, 2, what="what the controllers made is as it was")
    deletes = [one for one in journal.writes if " DELETE " in one and "living " in one]
    assert [one for one in deletes if "endpoint" in one] == []

    async def counted() -> dict[str, Any] | None:
        found = (await fleethub(theatre, "app", "get", "app", "-o", "json")).json["live"]["targets"][0]
        return found if found["counts"]["members"] == found["counts"]["desired"] == 5 else None

    told: dict[str, Any] = await until(counted, what="what was pruned counts no more", interval=0.5)
    assert sorted(told["ignored"]) == sorted(
        f"{kind} {namespace}/{name}"
        for kind, _, name in (
            one.replace("EndpointSlice/", "EndpointSlice.discovery.k8s.io/").partition("/") for one in before
        )
    )
    rows = (await fleethub(theatre, "app", "resources", "app", "-o", "json")).json["items"]
    assert {row["name"] for row in rows if "Endpoint" in row["kind"]} == {"db", "db-1"}
    # The Application goes, and takes what is its own; the Endpoints go with their Service, by their controller.
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)

    async def gone() -> bool:
        return not await member.list("Service", namespace) and not await member.list("Deployment", namespace)

    await until(gone, 30, what="its own objects are gone")
    deletes = [one for one in journal.writes if " DELETE " in one and "living " in one]
    assert not [one for one in deletes if "endpoint" in one and "/db" not in one]


@pytest.mark.parametrize("label", ["set", "none"])
async def test_what_an_operator_makes_of_an_object_of_ours_is_left_to_it(
    theatre: Theatre, label: str
) -> None:
    """H1: the rule is ``fleet.ownership.membership.owns_label``: who wrote the label decides, not that it is there."""
    theatre.repo.commit(
        {
            "apps/app/a.yaml": config("a", k="1"),
            "apps/app/b.yaml": config("b", k="1"),
            "apps/app/c.yaml": config("c"),
        }
    )
    await theatre.register("eu")
    await theatre.start()
    await theatre.application()
    await theatre.synced()
    api = theatre.members["eu"]
    original = await api.get("ConfigMap", "a", theatre.namespace)
    assert original is not None
    child: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "a-copy",
            "namespace": theatre.namespace,
            "labels": original["metadata"]["labels"],
            # With all that makes it look like ours.
            "annotations": original["metadata"]["annotations"] if label == "set" else {},
        },
        "data": {"k": "copied"},
    }
    made = await api.create(child, "some-operator")
    commit = theatre.repo.commit({"apps/app/b.yaml": None})
    await theatre.synced(commit=commit)
    await theatre.nowhere("ConfigMap", "b", ("eu",))

    async def there() -> bool:
        found = await api.get("ConfigMap", "a-copy", theatre.namespace)
        return bool(found and found["metadata"]["uid"] == made["metadata"]["uid"])

    await holds(there, 1.5, what="the operator's object is there")

    async def told() -> bool:
        return [str(ref) for one in theatre.hub.board.cluster("eu") for ref in one.findings.ignored] == [
            f"ConfigMap {theatre.namespace}/a-copy"
        ]

    await until(told, what="it is reported, once")
    await theatre.stop()
    # Nor does a hub that starts and lists afresh believe the label.
    await theatre.start()
    await theatre.synced()
    commit = theatre.repo.commit({"apps/app/c.yaml": None})
    await theatre.synced(commit=commit)
    await theatre.nowhere("ConfigMap", "c", ("eu",))
    assert await there()
