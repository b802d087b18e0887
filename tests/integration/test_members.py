"""A member that is down, dies, hangs or refuses delays itself alone, is shown so, and recovers by itself."""

from __future__ import annotations

import asyncio
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
from tests.stage.api import Api, until
from tests.stage.proxy import Proxy
from tests.stage.theatre import Planes, Theatre, config

SOON = 4.0  # seconds in which a commit is on a healthy member; the hub polls each half second
FRAIL = "frail"


@pytest.fixture(scope="module")
def plane(planes: Planes) -> Iterator[Plane]:
    """A member of this module's own, to be ill-treated."""
    folder = planes.folder / FRAIL
    with Plane.create(
        FRAIL, folder, components=Components.API_ONLY, etcd=planes.hub.etcd, prefix=f"/{FRAIL}"
    ) as made:
        yield made


class Frail:
    """The frail member as the tests use it."""

    def __init__(self, theatre: Theatre, plane: Plane, api: Api) -> None:
        self.theatre = theatre
        self.plane = plane
        self.api = api

    async def stop(self) -> None:
        await asyncio.to_thread(self.plane.stop)

    async def kill(self) -> None:
        await asyncio.to_thread(self.plane.kill)

    async def start(self) -> None:
        """Have it answer, whatever it did."""
        if self.plane.running():
            self.plane.resume()
        self.plane.start()
        await asyncio.to_thread(self.plane.wait_ready)

    async def has(self, name: str, **data: str) -> None:
        """Wait until a ConfigMap is there with this content."""

        async def look() -> bool:
            found = await self.api.get("ConfigMap", name, self.theatre.namespace)
            return found is not None and found["data"] == data

        await until(look, 30, what=f"{name} is {data} on the frail member")

    async def reachable(self, status: str, *words: str) -> str:
        """Wait until its Cluster says whether it is reachable; the message."""
        last: Any = None

        async def look() -> str | None:
            nonlocal last
            last = await self.theatre.api.get("Cluster", FRAIL, names.HUB_NAMESPACE)
            for condition in ((last or {}).get("status") or {}).get("conditions", ()):
                text = f"{condition['reason']} {condition['message']}"
                if condition["type"] == "Reachable" and condition["status"] == status:
                    return text if all(word in text for word in words) else None
            return None

        try:
            found: str = await until(look, 30)
        except AssertionError:
            raise AssertionError(f"not Reachable {status} {words}: {last}") from None
        return found


@pytest.fixture
async def frail(theatre: Theatre, plane: Plane) -> AsyncIterator[Frail]:
    """The frail member up, with the test's namespace, not yet registered."""
    api = await Api.of(plane.kubeconfig)
    frail = Frail(theatre, plane, api)
    await frail.start()
    await api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": theatre.namespace}})
    yield frail
    await theatre.stop()
    await frail.start()
    for parent in await api.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID):
        await api.delete("ConfigMap", parent["metadata"]["name"], names.MEMBER_NAMESPACE)
    await api.empty("ConfigMap", theatre.namespace)
    await api.close()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life are asked for more often than every 15 s, so that the tests need not wait for them."""
    monkeypatch.setattr("fleet.worker.probing.EVERY", 1.0)
    monkeypatch.setattr("fleet.worker.probing.TIMEOUT", 1.0)


async def both(frail: Frail, kubeconfig: Path | None = None) -> None:
    """The healthy and the frail member, a hub, and an Application on both."""
    theatre = frail.theatre
    await theatre.register("eu")
    await theatre.register(FRAIL, kubeconfig=kubeconfig or frail.plane.kubeconfig)
    await theatre.start()
    await theatre.application()


async def soon(theatre: Theatre, value: str) -> str:
    """Commit; the healthy member has it at once."""
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k=value)})
    begun = time.monotonic()

    async def look() -> bool:
        found = await theatre.members["eu"].get("ConfigMap", "a", theatre.namespace)
        return found is not None and found["data"] == {"k": value}

    await until(look, what="the commit is on the healthy member")
    assert time.monotonic() - begun < SOON
    return commit


async def test_a_member_that_is_down_from_the_start_delays_nobody_and_joins_when_it_is_up(
    frail: Frail,
) -> None:
    theatre = frail.theatre
    await frail.stop()
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await both(frail)
    await theatre.everywhere("ConfigMap", "a", ("eu",))
    await frail.reachable("False", "refused")
    commit = await soon(theatre, "2")

    async def shown() -> bool:
        status = await theatre.status()
        return status.get("clusters") == "1/2" and any(
            FRAIL in line and "Unknown" in line and "ClusterUnreachable" in line
            for line in status["problems"]
        )

    await until(shown, what="the Application shows the silent member as Unknown")
    await frail.start()
    await frail.has("a", k="2")
    await frail.reachable("True")
    await theatre.synced(commit=commit)


async def test_a_member_that_dies_delays_nobody_and_catches_up(frail: Frail) -> None:
    theatre = frail.theatre
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await both(frail)
    await frail.has("a", k="1")
    await theatre.synced()
    await frail.kill()
    await soon(theatre, "2")
    await frail.reachable("False", "last answer")
    commit = await soon(theatre, "3")
    await frail.start()
    await frail.has("a", k="3")
    await frail.reachable("True")
    await theatre.synced(commit=commit)


async def test_a_member_that_hangs_delays_nobody_and_catches_up(frail: Frail) -> None:
    theatre = frail.theatre
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await both(frail)
    await frail.has("a", k="1")
    await theatre.synced()
    frail.plane.pause()
    await soon(theatre, "2")
    await frail.reachable("False", "no answer in time")
    commit = await soon(theatre, "3")
    frail.plane.resume()
    await frail.has("a", k="3")
    await frail.reachable("True")
    await theatre.synced(commit=commit)


async def test_what_went_wrong_on_a_member_while_it_did_not_answer_is_found_afterwards(frail: Frail) -> None:
    theatre = frail.theatre
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1"), "apps/app/b.yaml": config("b", k="1")})
    proxy = Proxy(frail.plane)
    await proxy.start()
    try:
        await both(frail, proxy.kubeconfig(theatre.folder))
        await frail.has("b", k="1")
        await theatre.synced()
        proxy.silence()
        # The hub hears nothing of this: an edit, a deletion, and a removal from Git meanwhile.
        await frail.api.patch("ConfigMap", "a", theatre.namespace, {"data": {"k": "by hand"}})
        await frail.reachable("False")
        commit = theatre.repo.commit({"apps/app/b.yaml": None, "apps/app/c.yaml": config("c", k="1")})
        await theatre.everywhere("ConfigMap", "c", ("eu",))
        await proxy.speak()
        await frail.has("a", k="1")
        await frail.has("c", k="1")
        await theatre.synced(commit=commit)
        assert not await frail.api.get("ConfigMap", "b", theatre.namespace)
    finally:
        await theatre.stop()
        await proxy.close()


async def test_half_open_connections_are_given_up_and_drift_is_seen_again(
    frail: Frail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.kube.watch.SILENCE_SECONDS", 3.0)
    theatre = frail.theatre
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    proxy = Proxy(frail.plane)
    await proxy.start()
    try:
        await both(frail, proxy.kubeconfig(theatre.folder))
        await frail.has("a", k="1")
        await theatre.synced()
        proxy.half_open()
        await frail.api.patch("ConfigMap", "a", theatre.namespace, {"data": {"k": "by hand"}})
        await frail.has("a", k="1")
        await soon(theatre, "2")
        await frail.has("a", k="2")
        await frail.reachable("True")
    finally:
        await theatre.stop()
        await proxy.close()


async def test_a_revoked_token_is_said_and_a_new_one_is_used_at_once(frail: Frail, tmp_path: Path) -> None:
    theatre = frail.theatre
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await both(frail, await account(frail, "first", tmp_path))
    await frail.has("a", k="1")
    await theatre.synced()
    await frail.api.delete("ServiceAccount", "first", theatre.namespace)
    # The API server itself believes in a token for 10 s after it has looked.
    await frail.reachable("False", "does not accept the credential")
    commit = await soon(theatre, "2")
    await theatre.register(FRAIL, kubeconfig=await account(frail, "second", tmp_path))
    await frail.has("a", k="2")
    await frail.reachable("True")
    await theatre.synced(commit=commit)
    await frail.api.delete("ClusterRoleBinding", f"{theatre.namespace}-first")
    await frail.api.delete("ClusterRoleBinding", f"{theatre.namespace}-second")


async def test_a_credential_that_is_replaced_in_time_is_no_interruption(frail: Frail, tmp_path: Path) -> None:
    theatre = frail.theatre
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await both(frail, await account(frail, "old", tmp_path))
    await theatre.synced()
    told: list[bool] = []

    def tell(_: str) -> None:
        reach = theatre.hub.board.reach_of(FRAIL)
        told.append(reach is not None and reach.reachable)

    theatre.hub.board.on_cluster(tell)
    before = theatre.hub.roster.get(FRAIL)
    assert before is not None
    running = before.running
    await theatre.register(FRAIL, kubeconfig=await account(frail, "new", tmp_path))

    async def swapped() -> bool:
        return before.running not in (None, running)

    await until(swapped, what="the new credential is in use")
    await frail.api.delete("ServiceAccount", "old", theatre.namespace)
    commit = await soon(theatre, "2")
    await frail.has("a", k="2")
    await theatre.synced(commit=commit)
    assert all(told)
    for name in ("old", "new"):
        await frail.api.delete("ClusterRoleBinding", f"{theatre.namespace}-{name}")


async def account(frail: Frail, name: str, folder: Path) -> Path:
    """A kubeconfig with the token of a new ServiceAccount that may do all."""
    namespace = frail.theatre.namespace
    metadata = {"name": name, "namespace": namespace}
    await frail.api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    await frail.api.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"{namespace}-{name}"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "cluster-admin",
            },
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        }
    )
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    answer = await frail.api.send(
        Request(
            "POST",
            path,
            body=orjson.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}),
        )
    )
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": FRAIL,
                "cluster": {
                    "server": frail.plane.server,
                    "certificate-authority-data": frail.plane.ca_data,
                },
            }
        ],
        "users": [{"name": name, "user": {"token": orjson.loads(answer.body)["status"]["token"]}}],
        "contexts": [{"name": FRAIL, "context": {"cluster": FRAIL, "user": name}}],
        "current-context": FRAIL,
    }
    file = folder / f"{name}.kubeconfig"
    file.write_bytes(orjson.dumps(kubeconfig))
    return file
