"""H20: what a Secret holds on a member never reaches the hub: not in answers, memory, logs, or what it tells."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from fleet import names
from fleet.hub.seams import Seams
from fleet.kube.client import Client
from fleet.kube.request import Answer, Request
from tests.integration.test_cli import fleethub
from tests.stage.api import until
from tests.stage.theatre import Theatre, manifest

KUBECTL = Path(sys.executable).parent / "kubectl"
BACKWARDS = "ellivraes-yranac"
METADATA = "as=PartialObjectMetadata"


def canary() -> tuple[str, str]:
    """The value, in clear and as a Secret has it; never kept by this test, so that memory can be searched."""
    import base64  # noqa: PLC0415

    clear = BACKWARDS[::-1]
    return clear, base64.b64encode(clear.encode()).decode()


def remembered() -> list[str]:
    """What in this process holds the canary, by the type of what refers to it.

    Bytes on their way through the wire's own queues are passed over: they are gone with the answer.
    """
    clear, coded = canary()
    raw = (clear.encode(), coded.encode())
    found = []
    for one in gc.get_objects():
        if one is raw or isinstance(one, deque):
            continue
        for held in gc.get_referents(one):
            # A mapping of strings alone is not among the objects that are collected.
            inner = gc.get_referents(held) if isinstance(held, dict) and not gc.is_tracked(held) else (held,)
            found += [f"{type(one).__name__}: {type(text).__name__}" for text in inner if _has(text, raw)]
    return found


def _has(text: object, raw: tuple[bytes, bytes]) -> bool:
    if isinstance(text, str):
        return len(text) >= len(BACKWARDS) and (raw[0].decode() in text or raw[1].decode() in text)
    return isinstance(text, bytes | bytearray) and (raw[0] in text or raw[1] in text)


class Listener:
    """Every answer of the member to a request about Secrets, and what memory held at the request after it."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.answers: list[tuple[Request, bool]] = []
        self.found: list[str] = []
        self.armed = False

    def hears(self, cluster: str, request: Request) -> bool:
        """Whether it is about Secrets of the member; the hub's own key there is made and read whole."""
        own = f"/namespaces/{names.MEMBER_NAMESPACE}/" in request.path
        return self.armed and cluster == "eu" and "/secrets" in request.path and not own

    def seams(self) -> Seams:
        def client(
            connection: Any, cluster: str, budget: Any, permit: Any, observe: Any, clock: Any
        ) -> Client:
            made = HeardClient(
                connection, cluster=cluster, budget=budget, permit=permit, observe=observe, clock=clock
            )
            made.listener = self
            return made

        return Seams(client=client)


class HeardClient(Client):
    """The real door, overheard."""

    listener: Listener

    async def send(self, request: Request) -> Answer:
        if not self.listener.hears(self.cluster, request):
            return await super().send(request)
        self.listener.found += remembered()
        self.listener.asked.append(request)
        answer = await super().send(request)
        told = bare(answer.body)
        self.listener.answers.append((request, any(word.encode() in told for word in canary())))
        return answer

    async def stream(self, request: Request) -> AsyncIterator[bytes]:  # type: ignore[override]
        if self.listener.hears(self.cluster, request):
            self.listener.asked.append(request)
        async for line in super().stream(request):
            yield line


def bare(body: bytes) -> bytes:
    """An answer without the annotation into which an administrator's own client wrote it: lists bring it along."""
    answer = orjson.loads(body)
    for one in (answer["items"] or ()) if "items" in answer else (answer,):
        one["metadata"].get("annotations", {}).pop(names.LAST_APPLIED, None)
    return orjson.dumps(answer)


@pytest.mark.parametrize("lists", [False, True])
async def test_a_secret_that_kubectl_applied_leaves_no_trace_in_the_hub(
    theatre: Theatre, capfd: pytest.CaptureFixture[str], *, lists: bool
) -> None:
    """H20: the rules are ``fleet.kube.decode._meta``, which empties the annotation, and ``fleet.kube.paths.apply``."""
    count = 6 if lists else 1
    for number in range(count):
        apply_by_kubectl(theatre, f"s{number}")
    listener = Listener()
    theatre.repo.commit(
        {f"apps/app/s{n}.yaml": manifest("Secret", f"s{n}", stringData={"ours": "1"}) for n in range(count)}
    )
    await theatre.register("eu")
    await theatre.start(listener.seams(), log_level="debug")
    begin_to_look(listener)
    await theatre.application()
    await theatre.synced()
    # A heal, a change and a comparison too: all that answers or is read.
    edit_by_kubectl(theatre)

    async def back() -> bool:
        return ours(theatre) == "MQ=="

    await until(back, what="the edit is put back")
    commit = theatre.repo.commit({"apps/app/s0.yaml": manifest("Secret", "s0", stringData={"ours": "2"})})
    await theatre.synced(commit=commit)
    gc.unfreeze()
    gc.collect()
    assert remembered() == [], "nothing of it is left in memory"
    assert listener.found == [], "nothing of it was, while the hub was at work"
    assert [request for request in listener.asked if METADATA not in request.accept] == []
    writes = [request for request in listener.asked if request.verb == "PATCH"]
    assert len(writes) >= count
    assert [request.path for request, told in listener.answers if told] == []
    # Nor in anything that the hub tells.
    told = [
        orjson.dumps([await theatre.api.list(kind) for kind in ("Application", "Cluster")]).decode(),
        orjson.dumps(await theatre.api.list("Event", names.HUB_NAMESPACE)).decode(),
        (await fleethub(theatre, "app", "get", "app", "-o", "json")).out,
        (await fleethub(theatre, "app", "resources", "app", "-o", "json")).out,
    ]
    await theatre.stop()
    out, err = capfd.readouterr()
    for text in (*told, out, err):
        assert not any(word in text for word in canary())
    assert "theirs" in told[2], "by name, and only so, what a person added is shown"


def begin_to_look(listener: Listener) -> None:
    """From now on memory is searched at each request: what has been there so far is searched at the end."""
    gc.collect()
    gc.freeze()
    listener.armed = True


def apply_by_kubectl(theatre: Theatre, name: str) -> None:
    """The real kubectl on the client's side, which copies the Secret into an annotation."""
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": theatre.namespace},
        "data": {"old": canary()[1]},
    }
    kubectl(theatre, "apply", "-f", "-", content=body)


def edit_by_kubectl(theatre: Theatre) -> None:
    """A person changes the hub's own key, and adds another."""
    patch = {"data": {"ours": "Mg==", "theirs": canary()[1]}}
    kubectl(theatre, "patch", "secret", "s0", "--patch-file", "/dev/stdin", content=patch)


def ours(theatre: Theatre) -> str:
    """What the hub's own key holds."""
    return kubectl(theatre, "get", "secret", "s0", "-o", "jsonpath={.data.ours}")


def kubectl(theatre: Theatre, *arguments: str, content: dict[str, Any] | None = None) -> str:
    """What it prints, in a process of its own while the hub stands still: memory here is searched when that sends."""
    done = subprocess.run(
        [
            KUBECTL,
            "--kubeconfig",
            theatre.planes.members["eu"].kubeconfig,
            "-n",
            theatre.namespace,
            *arguments,
        ],
        input=json.dumps(content).encode(),
        check=True,
        capture_output=True,
        timeout=60,
    )
    return done.stdout.decode()
