"""A Cluster is the cluster that it was at first contact: another one, or one that is registered twice, gets no write."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from bootstrap.local.plane import Plane
from bootstrap.local.servers import Components
from fleet import names
from fleet.kube.request import Request
from tests.integration.test_cli import fleethub
from tests.stage.api import Api, until
from tests.stage.proxy import Proxy
from tests.stage.seams import Write, logged
from tests.stage.theatre import Planes, Theatre, config


@pytest.fixture(scope="module")
def stranger(planes: Planes) -> Iterator[Plane]:
    """A cluster that no hub has ever seen, and that takes eu's credential for good."""
    folder = planes.folder / "stranger"
    (folder / "pki").mkdir(parents=True, mode=0o700)
    for file in ("ca.crt", "ca.key"):
        shutil.copy(planes.members["eu"].folder / "pki" / file, folder / "pki" / file)
    with Plane.create(
        "stranger", folder, components=Components.API_ONLY, etcd=planes.hub.etcd, prefix="/stranger"
    ) as made:
        made.start()
        made.wait_ready()
        yield made


@pytest.fixture
async def strange(stranger: Plane) -> AsyncIterator[Api]:
    api = await Api.of(stranger.kubeconfig)
    yield api
    await api.close()


async def uid(api: Api) -> str:
    """Which cluster it is."""
    found = await api.get("Namespace", "kube-system")
    assert found is not None
    return str(found["metadata"]["uid"])


async def cluster(theatre: Theatre, name: str) -> dict[str, Any]:
    return await theatre.api.get("Cluster", name, names.HUB_NAMESPACE) or {}


async def says(theatre: Theatre, name: str, kind: str, *words: str, timeout: float = 60) -> str:
    """Wait until a Cluster has the condition with these words; the message."""

    async def look() -> str | None:
        for one in ((await cluster(theatre, name)).get("status") or {}).get("conditions", ()):
            if (one["type"], one["status"]) == (kind, "True") and all(w in one["message"] for w in words):
                return str(one["message"]) or " "
        return None

    try:
        message: str = await until(look, timeout, what=f"{name} says {kind} {words}")
    except AssertionError as error:
        raise AssertionError(f"{error}; {await cluster(theatre, name)}") from None
    return message


async def ready(theatre: Theatre, name: str) -> None:
    await says(theatre, name, "Ready")


async def stands(theatre: Theatre, api: Api, name: str, **data: str) -> dict[str, Any]:
    """Wait until a ConfigMap is there with this content; it."""

    async def look() -> dict[str, Any] | None:
        found = await api.get("ConfigMap", name, theatre.namespace)
        return found if found is not None and found["data"] == data else None

    body: dict[str, Any] = await until(look, what=f"{name} is {data}")
    return body


def version(body: dict[str, Any] | None) -> tuple[str, str]:
    """UID and resourceVersion."""
    assert body is not None
    return body["metadata"]["uid"], body["metadata"]["resourceVersion"]


def to(log: list[Write], name: str) -> list[Write]:
    """The writes that left for a cluster."""
    return [one for one in log if one.cluster == name]


async def begin(theatre: Theatre, *members: str, log: list[Write] | None = None) -> None:
    for name in members:
        await theatre.register(name)
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1"), "apps/app/b.yaml": config("b", k="1")})
    await theatre.start(logged(log if log is not None else []))
    await theatre.application()
    await theatre.synced()


async def test_a_registration_that_points_at_another_cluster_writes_and_deletes_nothing_there(
    theatre: Theatre, stranger: Plane, strange: Api
) -> None:
    log: list[Write] = []
    await begin(theatre, "eu", "us", log=log)
    eu = theatre.members["eu"]
    before = version(await eu.get("ConfigMap", "a", theatre.namespace))
    log.clear()
    await theatre.register("eu", kubeconfig=stranger.kubeconfig)
    told = await says(theatre, "eu", "IdentityChanged", "fleethub cluster replace eu")
    assert await uid(eu) in told
    assert await uid(strange) in told
    status = (await cluster(theatre, "eu"))["status"]
    assert (status["identity"], status["otherIdentity"]) == (await uid(eu), await uid(strange))
    await theatre.told("app", "IdentityChanged", "eu")
    problems = (await theatre.status())["problems"]
    assert [line for line in problems if line.startswith("eu: Unknown Unknown") and "IdentityChanged" in line]

    begun = time.monotonic()
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="2"), "apps/app/b.yaml": None})
    await stands(theatre, theatre.members["us"], "a", k="2")
    await theatre.nowhere("ConfigMap", "b", ("us",))
    assert time.monotonic() - begun < 5, "another cluster delays nobody"
    assert to(log, "eu") == []
    assert version(await eu.get("ConfigMap", "a", theatre.namespace)) == before
    assert await eu.get("ConfigMap", "b", theatre.namespace)
    assert await strange.get("Namespace", names.MEMBER_NAMESPACE) is None
    assert await strange.list("Lease", names.MEMBER_NAMESPACE) == []
    assert await strange.list("ConfigMap", "", names.APPLYSET_PART_OF) == []

    await theatre.register("eu")
    found = await stands(theatre, eu, "a", k="2")
    assert found["metadata"]["uid"] == before[0]
    await theatre.nowhere("ConfigMap", "b")
    await theatre.synced(commit=commit)
    await ready(theatre, "eu")
    assert "otherIdentity" not in (await cluster(theatre, "eu"))["status"]


async def test_an_address_that_leads_elsewhere_from_one_connection_to_the_next_is_noticed_before_a_write(
    theatre: Theatre, stranger: Plane, strange: Api
) -> None:
    eu = theatre.members["eu"]
    proxy = Proxy(theatre.planes.members["eu"])
    await proxy.start()
    try:
        await theatre.register("eu", kubeconfig=proxy.kubeconfig(theatre.folder))
        theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
        await theatre.start()
        await theatre.application()
        await theatre.synced()
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": theatre.namespace}}
        await strange.apply(body)
        proxy.lead_to(stranger)
        # More than the connections that stand can carry at once: the rest reaches the other cluster.
        many = {f"apps/app/c{number}.yaml": config(f"c{number}", k="1") for number in range(60)}
        commit = theatre.repo.commit(many)
        await says(theatre, "eu", "IdentityChanged", await uid(strange))
        await theatre.told("app", "IdentityChanged")
        assert await strange.list("ConfigMap", "", names.APPLYSET_PART_OF) == []
        proxy.lead_to(theatre.planes.members["eu"])
        await theatre.synced(commit=commit, timeout=60)
        assert len(await snapshot(theatre, eu)) >= 61
        assert await strange.list("ConfigMap", "", names.APPLYSET_PART_OF) == []
    finally:
        await theatre.stop()
        await proxy.close()


async def test_an_application_that_is_deleted_leaves_another_cluster_alone(
    theatre: Theatre, stranger: Plane, strange: Api
) -> None:
    log: list[Write] = []
    await begin(theatre, "eu", log=log)
    log.clear()
    await theatre.register("eu", kubeconfig=stranger.kubeconfig)
    await says(theatre, "eu", "IdentityChanged")
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)
    await theatre.told("app", "DeletionWaits", "eu", "IdentityChanged")
    assert to(log, "eu") == []
    await theatre.register("eu")
    await theatre.nowhere("ConfigMap", "a", ("eu",))

    async def gone() -> bool:
        return await theatre.api.get("Application", "app", names.HUB_NAMESPACE) is None

    await until(gone, what="the Application is gone")
    assert await strange.get("Namespace", names.MEMBER_NAMESPACE) is None


async def test_replace_lets_exactly_that_cluster_in_and_a_third_is_refused_again(
    theatre: Theatre, stranger: Plane, strange: Api
) -> None:
    await begin(theatre, "eu")
    eu = theatre.members["eu"]
    before = version(await eu.get("ConfigMap", "a", theatre.namespace))
    refused = await fleethub(theatre, "cluster", "replace", "eu", code=1)
    assert "reaches the cluster that it always was" in refused.err
    await theatre.register("eu", kubeconfig=stranger.kubeconfig)
    await says(theatre, "eu", "IdentityChanged")
    await strange.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": theatre.namespace}}, "test"
    )
    done = await fleethub(theatre, "cluster", "replace", "eu")
    assert await uid(strange) in done.out
    await stands(theatre, strange, "a", k="1")
    await ready(theatre, "eu")
    status = (await cluster(theatre, "eu"))["status"]
    assert status["identity"] == await uid(strange)
    assert version(await eu.get("ConfigMap", "a", theatre.namespace)) == before
    again = await fleethub(theatre, "cluster", "replace", "eu")
    assert "already" in again.out

    lease = version(await eu.get("Lease", names.MEMBER_LEASE, names.MEMBER_NAMESPACE))
    await theatre.register("eu")
    await says(theatre, "eu", "IdentityChanged", await uid(strange), await uid(eu))
    assert version(await eu.get("Lease", names.MEMBER_LEASE, names.MEMBER_NAMESPACE)) == lease
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
    await theatre.told("app", "IdentityChanged")
    assert version(await eu.get("ConfigMap", "a", theatre.namespace)) == before
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)
    await theatre.register("eu", kubeconfig=stranger.kubeconfig)
    await until(lambda: _absent(strange, theatre), what="the third is refused, the second goes on")


async def _absent(api: Api, theatre: Theatre) -> bool:
    return await api.get("ConfigMap", "a", theatre.namespace) is None


async def test_who_a_cluster_is_stands_on_the_hub_before_the_first_write_to_it(theatre: Theatre) -> None:
    log: list[Write] = []
    await begin(theatre, "eu", log=log)
    first = next(index for index, one in enumerate(log) if one.cluster == "eu")
    mine = (await uid(theatre.members["eu"])).encode()
    recorded = [
        index
        for index, one in enumerate(log)
        if one.cluster == names.HUB_CLUSTER and one.path.endswith("/clusters/eu/status") and mine in one.body
    ]
    assert recorded
    assert recorded[0] < first


async def test_a_connection_that_moved_while_the_hub_was_down_is_refused_after_the_start(
    theatre: Theatre, stranger: Plane, strange: Api
) -> None:
    await begin(theatre, "eu")
    await theatre.stop()
    await theatre.register("eu", kubeconfig=stranger.kubeconfig)
    log: list[Write] = []
    await theatre.start(logged(log))
    await says(theatre, "eu", "IdentityChanged", await uid(strange))
    await theatre.told("app", "IdentityChanged")
    assert to(log, "eu") == []


async def snapshot(theatre: Theatre, api: Api) -> dict[str, tuple[str, str]]:
    """UID and resourceVersion of all that is in the test's namespace."""
    found = await api.list("ConfigMap", theatre.namespace)
    return {one["metadata"]["name"]: version(one) for one in found}


async def sealed(api: Api) -> None:
    """Wait until every parent there carries its seal, so that nothing more is written."""

    async def look() -> bool:
        parents = await api.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)
        return all(names.SET_SEAL in one["metadata"]["annotations"] for one in parents)

    await until(look, what="all parents are sealed")


async def later(theatre: Theatre, name: str) -> None:
    """Wait until a Cluster that is made now is younger than this one by the clock of the API."""

    async def look() -> bool:
        found = await cluster(theatre, name)
        if not found:
            return False
        answer = await theatre.api.create(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"generateName": "clock-", "namespace": names.HUB_NAMESPACE},
            }
        )
        await theatre.api.delete("ConfigMap", answer["metadata"]["name"], names.HUB_NAMESPACE)
        return bool(answer["metadata"]["creationTimestamp"] > found["metadata"]["creationTimestamp"])

    await until(look, what="a second has passed", interval=0.1)


async def test_one_cluster_registered_twice_is_said_on_the_second_and_the_first_goes_on(
    theatre: Theatre,
) -> None:
    log: list[Write] = []
    await begin(theatre, "eu", log=log)
    eu = theatre.members["eu"]
    await sealed(eu)
    await later(theatre, "eu")
    before = await snapshot(theatre, eu)
    log.clear()
    await theatre.register("again", kubeconfig=theatre.planes.members["eu"].kubeconfig)
    assert await uid(eu) in await says(theatre, "again", "RegisteredTwice", "registered as eu")
    await theatre.told("app", "RegisteredTwice", "again")
    commit = theatre.repo.commit({"apps/app/c.yaml": config("c", k="1")})
    await stands(theatre, eu, "c", k="1")
    assert to(log, "again") == []

    await theatre.api.delete("Secret", "again", names.HUB_NAMESPACE)
    await theatre.synced(commit=commit)
    assert before.items() <= (await snapshot(theatre, eu)).items()
    assert to(log, "again") == []
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)
    await theatre.nowhere("ConfigMap", "a", ("eu",))


async def test_an_application_leaves_a_cluster_that_is_registered_twice_by_the_first(
    theatre: Theatre,
) -> None:
    await begin(theatre, "eu")
    await later(theatre, "eu")
    await theatre.register("again", kubeconfig=theatre.planes.members["eu"].kubeconfig)
    await theatre.told("app", "RegisteredTwice", "again")
    await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)

    async def gone() -> bool:
        return await theatre.api.get("Application", "app", names.HUB_NAMESPACE) is None

    await until(gone, what="the Application is gone")
    await theatre.nowhere("ConfigMap", "a", ("eu",))


@pytest.mark.parametrize("first", ["new", "old"])
async def test_a_renamed_cluster_keeps_every_object(theatre: Theatre, first: str) -> None:
    """``first``: whether the new registration comes before the old one goes, or after."""
    log: list[Write] = []
    await begin(theatre, "eu", log=log)
    eu = theatre.members["eu"]
    await sealed(eu)
    await later(theatre, "eu")
    before = await snapshot(theatre, eu)
    parents = [version(one) for one in await eu.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)]
    log.clear()

    async def come() -> None:
        await theatre.register("europe", kubeconfig=theatre.planes.members["eu"].kubeconfig)

    async def go() -> None:
        await theatre.api.delete("Secret", "eu", names.HUB_NAMESPACE)

        async def gone() -> bool:
            return not await cluster(theatre, "eu")

        await until(gone, what="the old Cluster is gone")

    if first == "new":
        await come()
        await says(theatre, "europe", "RegisteredTwice", "eu")
        await go()
    else:
        await go()
        await come()
    await ready(theatre, "europe")

    async def served() -> bool:
        status = await theatre.status()
        return status["clusters"] == "1/1" and status["targets"]["total"] == 1

    await until(served, what="the Application is on the renamed cluster")
    assert await snapshot(theatre, eu) == before
    held = await eu.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)
    assert [version(one) for one in held] == parents
    assert {one.verb for one in log if one.cluster in ("eu", "europe")} <= {"PUT"}, "the Lease alone"
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="moved")})
    await stands(theatre, eu, "a", k="moved")


async def test_the_older_registration_counts_also_where_the_younger_was_connected_first(
    theatre: Theatre,
) -> None:
    await theatre.register("eu", kubeconfig=nowhere(theatre))
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    log: list[Write] = []
    await theatre.start(logged(log))
    await later(theatre, "eu")
    await theatre.register("again", kubeconfig=theatre.planes.members["eu"].kubeconfig)
    await ready(theatre, "again")
    await theatre.application()
    before = await stands(theatre, theatre.members["eu"], "a", k="1")
    await theatre.register("eu")
    await says(theatre, "again", "RegisteredTwice", "registered as eu")
    await ready(theatre, "eu")
    log.clear()
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
    after = await stands(theatre, theatre.members["eu"], "a", k="2")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert to(log, "again") == []
    assert to(log, "eu") != []
    await theatre.stop()
    log.clear()
    await theatre.start(logged(log))
    await says(theatre, "again", "RegisteredTwice", "registered as eu")
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="3")})
    await stands(theatre, theatre.members["eu"], "a", k="3")
    assert to(log, "again") == []


def nowhere(theatre: Theatre, member: str = "eu") -> Path:
    """A member's kubeconfig with a server that nobody is at."""
    plane = theatre.planes.members[member]
    file = theatre.folder / "nowhere.kubeconfig"
    file.write_text(plane.kubeconfig.read_text().replace(plane.server, "https://127.0.0.1:1"))
    return file


async def test_a_lost_etcd_of_the_hub_learns_who_is_who_anew(theatre: Theatre) -> None:
    await begin(theatre, "eu")
    await sealed(theatre.members["eu"])
    before = await snapshot(theatre, theatre.members["eu"])
    await theatre.stop()
    for kind in ("Application", "Cluster"):
        for found in await theatre.api.list(kind, names.HUB_NAMESPACE):
            name = found["metadata"]["name"]
            await theatre.api.patch(kind, name, names.HUB_NAMESPACE, {"metadata": {"finalizers": None}})
            await theatre.api.delete(kind, name, names.HUB_NAMESPACE)
    await theatre.start()
    await ready(theatre, "eu")
    assert (await cluster(theatre, "eu"))["status"]["identity"] == await uid(theatre.members["eu"])
    await theatre.application()
    await theatre.synced()
    assert await snapshot(theatre, theatre.members["eu"]) == before


async def lease_of(theatre: Theatre, holder: str) -> None:
    """Another hub holds the member's Lease, as of now."""
    await theatre.members["eu"].patch(
        "Lease",
        names.MEMBER_LEASE,
        names.MEMBER_NAMESPACE,
        {"spec": {"holderIdentity": holder, "leaseDurationSeconds": 300}},
    )


async def test_the_word_that_a_former_hub_is_gone_counts_once(theatre: Theatre) -> None:
    await begin(theatre, "eu")
    await theatre.stop()
    await lease_of(theatre, "former")
    await theatre.start()
    await says(theatre, "eu", "ForeignHub", "former")
    await fleethub(theatre, "cluster", "take-over", "eu")
    await ready(theatre, "eu")

    async def used() -> bool:
        found = await cluster(theatre, "eu")
        return bool(found["status"].get("takenOver") == found["metadata"]["annotations"][names.TAKE_OVER])

    await until(used, what="the word is done with")
    await theatre.stop()
    await lease_of(theatre, "later")
    await theatre.start()
    await says(theatre, "eu", "ForeignHub", "later")
    found = await theatre.members["eu"].get("Lease", names.MEMBER_LEASE, names.MEMBER_NAMESPACE)
    assert found is not None
    assert found["spec"]["holderIdentity"] == "later"
    await fleethub(theatre, "cluster", "take-over", "eu")
    await ready(theatre, "eu")


async def token(theatre: Theatre) -> str:
    """A token of a new ServiceAccount of eu that may do all."""
    api, metadata = theatre.members["eu"], {"name": "plugin", "namespace": theatre.namespace}
    await api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    await api.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"{theatre.namespace}-plugin"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "cluster-admin",
            },
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        }
    )
    path = f"/api/v1/namespaces/{theatre.namespace}/serviceaccounts/plugin/token"
    body = orjson.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
    return str(orjson.loads((await api.send(Request("POST", path, body=body))).body)["status"]["token"])


async def test_other_arguments_of_a_credential_plugin_are_taken_up(theatre: Theatre) -> None:
    plane = theatre.planes.members["eu"]
    plugin = theatre.folder / "plugin"
    plugin.write_text(
        '#!/bin/sh\nprintf \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",'
        '"status":{"token":"%s"}}\' "$(cat "$1")"\n'
    )
    plugin.chmod(0o700)
    good, bad = theatre.folder / "good", theatre.folder / "bad"
    good.write_text(await token(theatre))
    bad.write_text("nobody")

    def kubeconfig(argument: Path) -> Path:
        told = {"server": plane.server, "certificate-authority-data": plane.ca_data}
        run = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(plugin),
            "args": [str(argument)],
            "interactiveMode": "Never",
        }
        file = theatre.folder / "plugin.kubeconfig"
        file.write_bytes(
            orjson.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "eu", "cluster": told}],
                    "users": [{"name": "eu", "user": {"exec": run}}],
                    "contexts": [{"name": "eu", "context": {"cluster": "eu", "user": "eu"}}],
                    "current-context": "eu",
                }
            )
        )
        return file

    await theatre.register("eu", kubeconfig=kubeconfig(bad))
    await theatre.start(allow_exec=(str(plugin),))

    async def refused() -> bool:
        status = (await cluster(theatre, "eu")).get("status") or {}
        return any("credential" in one["message"] for one in status.get("conditions", ()))

    await until(refused, what="the first token is refused")
    await theatre.register("eu", kubeconfig=kubeconfig(good))
    await ready(theatre, "eu")
    await theatre.members["eu"].delete("ClusterRoleBinding", f"{theatre.namespace}-plugin")
