"""Many registrations at once: a list is made so, waited for, told from what became of it, and repaired."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from bootstrap.local.plane import Plane
from bootstrap.local.servers import Components
from fleet import names
from fleet.cli.cluster import records, registering
from fleet.cli.cluster.applying import Applying
from fleet.cli.cluster.entries import Entry
from fleet.cli.options import Hub
from fleet.cli.session import Session
from fleet.clock import Clock
from fleet.kube import trusted
from fleet.kube.budget import Budget
from fleet.kube.client import Client
from fleet.kube.connection import Connection
from fleet.kube.request import Answer, Request
from tests.integration.test_cli import Done, fleethub
from tests.stage.api import Api, until
from tests.stage.theatre import Planes, Theatre, config

MORE = 9  # with eu, us and one that is dark: twelve
DARK = "dark"


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life are asked for more often than every 15 s."""
    monkeypatch.setattr("fleet.worker.probing.EVERY", 1.0)


@pytest.fixture
def fleet(planes: Planes) -> Iterator[dict[str, Plane]]:
    """Eleven clusters, of which nine are this test's own; they end with it."""
    with contextlib.ExitStack() as stack:
        made = {}
        for number in range(MORE):
            name = f"many-{number}"
            plane = Plane.create(
                name,
                planes.folder / name,
                components=Components.API_ONLY,
                etcd=planes.hub.etcd,
                prefix=f"/{name}",
            )
            stack.callback(plane.close)
            stack.callback(plane.kill)  # nobody waits for what they would still finish
            plane.start()
            made[name] = plane
        for plane in made.values():
            plane.wait_ready()
        yield {**made, **planes.members}


@pytest.fixture
def deaf() -> Iterator[str]:
    """The URL of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
async def apis(fleet: dict[str, Plane]) -> AsyncIterator[dict[str, Api]]:
    """Their API servers."""
    found = {name: await Api.of(plane.kubeconfig) for name, plane in fleet.items()}
    yield found
    for api in found.values():
        await api.close()


def outputs(entries: list[dict[str, Any]]) -> str:
    """A list as ``terraform output -json`` prints it, beside an output that is none."""
    return json.dumps(
        {
            "hub_kubeconfig": {"sensitive": False, "type": "string", "value": "/some/file"},
            "clusters": {"sensitive": False, "type": ["list", "string"], "value": entries},
        }
    )


async def apply(theatre: Theatre, entries: list[dict[str, Any]], *more: str, code: int = 0) -> Done:
    file = theatre.folder / "clusters.json"
    file.write_text(outputs(entries))
    return await fleethub(theatre, "cluster", "apply", "-f", str(file), "-o", "json", *more, code=code)


def results(done: Done) -> dict[str, str]:
    return {one["name"]: one["result"] for one in done.json["items"]}


async def uid(api: Api) -> str:
    found = await api.get("Namespace", "kube-system")
    assert found is not None
    return str(found["metadata"]["uid"])


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("hasty")
async def test_a_list_of_twelve_is_registered_told_of_and_repaired(  # noqa: PLR0915 (so many servers are raised once)
    theatre: Theatre, fleet: dict[str, Plane], apis: dict[str, Api], deaf: str
) -> None:
    for api in apis.values():
        await api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": theatre.namespace}})
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="v")})
    await theatre.application()
    await theatre.start()
    dark = theatre.folder / "dark.kubeconfig"
    eu = fleet["eu"]
    dark.write_text(eu.kubeconfig.read_text().replace(eu.server, deaf))
    entries = [
        {"name": name, "memberKubeconfig": str(plane.kubeconfig), "labels": {"env": "dev"}}
        for name, plane in fleet.items()
    ]
    entries.insert(0, {"name": DARK, "memberKubeconfig": str(dark)})
    assert len(entries) == 12

    # The first of all does not answer: the others are registered, and the table says which it is.
    done = await apply(theatre, entries, "--parallel", "4", code=1)
    assert results(done) == {DARK: "failed"} | dict.fromkeys(fleet, "registered"), done
    (row,) = (one for one in done.json["items"] if one["name"] == DARK)
    assert "no connection within" in row["message"]

    # When it has been waited for, it is there: on each cluster, by a hub that reaches all.
    waited = await fleethub(theatre, "cluster", "wait", "--selector", "env=dev", "--timeout", "60s")
    assert waited.out == "11 clusters are Ready and synced.\n"
    for name, api in apis.items():
        assert await api.get("ConfigMap", "a", theatre.namespace) is not None, name

    # Again changes nothing.
    entries = entries[1:]
    before = await secrets(theatre)
    assert results(await apply(theatre, entries)) == dict.fromkeys(fleet, "unchanged")
    assert await secrets(theatre) == before

    # What went, changed or failed since stands in the list; the list makes it so again.
    await theatre.api.delete("Secret", "many-1-kubeconfig", names.HUB_NAMESPACE)
    await theatre.api.patch(
        "Secret", "many-2-kubeconfig", names.HUB_NAMESPACE, {"metadata": {"labels": {"env": "other"}}}
    )
    await apis["many-3"].delete("ServiceAccount", names.MEMBER_ACCOUNT, names.MEMBER_NAMESPACE)
    await apis["many-4"].delete("ServiceAccount", names.MEMBER_ACCOUNT, names.MEMBER_NAMESPACE)
    await became(theatre, "many-1", "gone")
    await became(theatre, "many-2", "changed: label env")
    await became(theatre, "many-3", "failed: ")
    await became(theatre, "many-4", "failed: ")
    await became(theatre, "many-5", "as made")
    table = (await fleethub(theatre, "cluster", "list")).out.splitlines()
    assert [line.split()[0] for line in table if " gone" in line] == ["many-1"]
    assert [line.split()[0] for line in table if " failed: " in line] == ["many-3", "many-4"]

    # Repaired by who they are: the files' names say nothing, and the URL is another.
    folder = theatre.folder / "kubeconfigs"
    folder.mkdir()
    for number, name in enumerate(("many-4", "many-3", "us")):
        content = fleet[name].kubeconfig.read_text().replace("https://127.0.0.1", "https://localhost")
        (folder / f"{number}.yaml").write_text(content)
    parents = await sets(apis["many-3"])
    mended = await fleethub(theatre, "cluster", "repair", "--kubeconfigs", str(folder), "-o", "json")
    told = results(mended)
    assert told["many-3"] == told["many-4"] == "renewed"
    assert {value for name, value in told.items() if name not in ("many-3", "many-4")} == {"well"}
    await became(theatre, "many-3", "as made")
    secret = await theatre.api.get("Secret", "many-3-kubeconfig", names.HUB_NAMESPACE)
    assert secret is not None
    assert secret["metadata"]["labels"]["env"] == "dev"
    assert fleet["many-3"].server in base64.b64decode(secret["data"]["kubeconfig"]).decode()
    assert await sets(apis["many-3"]) == parents

    (entry,) = (one for one in entries if one["name"] == "many-6")
    entry["labels"] = {"tier": "one"}
    again = results(await apply(theatre, entries))
    assert again.pop("many-1") == "registered"
    assert again.pop("many-2") == again.pop("many-6") == "changed"
    assert set(again.values()) == {"unchanged"}
    await became(theatre, "many-2", "as made")

    async def relabelled() -> bool:
        cluster = await theatre.api.get("Cluster", "many-6", names.HUB_NAMESPACE)
        return cluster is not None and cluster["metadata"]["labels"] == {"tier": "one"}

    await until(relabelled, what="a label that left the list leaves the Cluster")

    # The same cluster under another name is told by who it is, with one URL or another.
    twin = theatre.folder / "twin.kubeconfig"
    twin.write_text(eu.kubeconfig.read_text().replace("https://127.0.0.1", "https://localhost"))
    done = await apply(theatre, [{"name": "twin", "memberKubeconfig": str(twin)}], code=1)
    (row,) = done.json["items"]
    assert await uid(apis["eu"]) in row["message"]
    assert "registered as eu already" in row["message"]
    assert await theatre.api.get("Secret", "twin-kubeconfig", names.HUB_NAMESPACE) is None
    done = await fleethub(theatre, "cluster", "add", "twin", "--member-kubeconfig", str(twin), code=1)
    assert "registered as eu already" in done.err  # said, and left to the hub: so a cluster is renamed
    await fleethub(theatre, "cluster", "remove", "twin")

    await fleethub(theatre, "cluster", "remove", "many-5")
    registered = (await fleethub(theatre, "cluster", "list", "-o", "json")).json["registrations"]
    assert "many-5" not in registered


async def became(theatre: Theatre, name: str, words: str) -> None:
    """Wait until it is told so of a registration, as the list tells it."""

    async def look() -> bool:
        kept = await records.read(theatre.api.send, names.HUB_NAMESPACE)
        cluster = await theatre.api.get("Cluster", name, names.HUB_NAMESPACE)
        return records.became(kept[name], cluster).startswith(words)

    await until(look, 30, what=f"{name} became {words}")


async def secrets(theatre: Theatre) -> dict[str, str]:
    found = await theatre.api.list("Secret", names.HUB_NAMESPACE, names.SECRET_TYPE)
    return {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in found}


async def sets(api: Api) -> list[str]:
    """The inventories on a cluster."""
    found = await api.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)
    assert found
    return [one["metadata"]["uid"] for one in found]


# --- a command that dies, and a server of another age, at the seam of its requests --------------------------


class Died(BaseException):
    """The command is gone."""


class Fragile(Client):
    """A real client of a command that dies right after so many writes, of all its clients together."""

    left: list[int]
    version = ""

    async def send(self, request: Request) -> Answer:
        answer = await super().send(request)
        if request.path == "/version" and self.version:
            body = {**json.loads(answer.body), "gitVersion": self.version}
            return Answer(answer.status, json.dumps(body).encode())
        if request.writes and self.left:
            self.left[0] -= 1
            if self.left[0] == 0:
                raise Died
        return answer


@contextlib.asynccontextmanager
async def command(theatre: Theatre, left: list[int], version: str = "") -> AsyncIterator[Session]:
    """The session of a command in this process."""
    clients: list[Client] = []

    def opened(connection: Connection) -> Client:
        made = Fragile(connection, cluster=f"{len(clients)}", budget=Budget(), clock=Clock())
        made.left, made.version = left, version
        clients.append(made)
        return made

    hub = await trusted.load(str(theatre.planes.hub.kubeconfig))
    try:
        yield Session(Hub(), opened(hub).send, opened)
    finally:
        for client in clients:
            await client.close()


async def test_a_registration_that_dies_after_any_write_is_finished_by_the_next_run(theatre: Theatre) -> None:
    entry = Entry("eu", str(theatre.planes.members["eu"].kubeconfig), labels={"env": "dev"})
    died = 0
    while True:
        await theatre.api.delete("Secret", "eu-kubeconfig", names.HUB_NAMESPACE)
        await theatre.api.delete("ConfigMap", "fleethub-registered", names.HUB_NAMESPACE)
        left = [died + 1]
        try:
            async with command(theatre, left) as session:
                met = await registering.meet(session, entry)
                await registering.register(session, entry, met, None, renew=False)
        except Died:
            died += 1
        else:
            break
        applying = Applying((entry,), 1, None)
        async with command(theatre, []) as session:
            await applying.run(session)
        assert applying.rows()[0]["result"] in {"registered", "renewed"}
        secret = await theatre.api.get("Secret", "eu-kubeconfig", names.HUB_NAMESPACE)
        assert secret is not None
        kept = await theatre.api.get("ConfigMap", "fleethub-registered", names.HUB_NAMESPACE)
        assert kept is not None
        assert json.loads(kept["data"]["eu"])["labels"] == {"env": "dev"}
        file = theatre.folder / "made.kubeconfig"
        file.write_bytes(base64.b64decode(secret["data"]["kubeconfig"]))
        made = await Api.of(file)
        assert await made.list("Secret", names.MEMBER_NAMESPACE) is not None
        await made.close()
    assert died >= 6


async def test_a_member_older_or_newer_than_supported_is_told_and_registered_all_the_same(
    theatre: Theatre,
) -> None:
    for version, word in (("v1.32.9", "older"), ("v1.37.0-rc.1", "newer"), ("v1.33.0", "")):
        entry = Entry("eu", str(theatre.planes.members["eu"].kubeconfig))
        applying = Applying((entry,), 1, None)
        async with command(theatre, [], version) as session:
            await applying.run(session)
        (row,) = applying.rows()
        assert row["result"] in {"registered", "renewed"}
        assert row["version"] == version
        expected = f"it runs {version}, {word} than supported (1.33 to 1.36)"
        assert (expected in row["message"]) is bool(word)


def test_kubeconfigs_of_the_same_cluster_in_one_list_are_told_by_its_identity(theatre: Theatre) -> None:
    kubeconfig = theatre.planes.members["us"].kubeconfig
    other = theatre.folder / "us.kubeconfig"
    other.write_text(kubeconfig.read_text().replace("https://127.0.0.1", "https://localhost"))

    async def both() -> list[dict[str, Any]]:
        applying = Applying((Entry("us", str(kubeconfig)), Entry("us-2", str(other))), 2, None)
        async with command(theatre, []) as session:
            await applying.run(session)
        return applying.rows()

    rows = asyncio.run(both())
    assert sorted(one["result"] for one in rows) == ["failed", "registered"]
    (failed,) = (one for one in rows if one["result"] == "failed")
    assert failed["identity"] in failed["message"]
