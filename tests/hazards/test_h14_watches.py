"""H14: watches do not starve writes, cost little memory, and are not believed when they have fallen silent."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tracemalloc
from contextlib import AsyncExitStack, aclosing

import pytest

from fleet.clock import Clock
from fleet.kube import session, trusted
from fleet.kube.budget import Budget
from fleet.kube.client import Client
from fleet.kube.request import APPLY, Request
from fleet.worker import probing
from tests.hazards.conftest import Mortal
from tests.hazards.scene import has, hurried
from tests.stage.api import Api
from tests.stage.proxy import Proxy
from tests.stage.theatre import Theatre, config

WATCHES = 110  # more than the hundred connections of the official client's pool


async def test_a_write_goes_out_beside_more_watches_than_a_pool_holds_and_each_is_cheap(
    theatre: Theatre,
) -> None:
    """H14: the rule is ``fleet.kube.session.open``: a pool of their own for watches, and 16 KiB to read TLS."""
    member = theatre.members["eu"]
    await member.apply({**_body("seen", theatre.namespace), "data": {"k": "v"}})
    connection = await trusted.load(str(theatre.planes.members["eu"].kubeconfig))
    client = Client(connection, cluster="eu", budget=Budget(), clock=Clock())
    path = f"/api/v1/namespaces/{theatre.namespace}/configmaps"
    watch = Request("GET", path, query=(("watch", "true"),))
    async with AsyncExitStack() as open_ones:
        open_ones.push_async_callback(client.close)
        await client.send(Request("GET", path))
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(WATCHES):
                lines = await open_ones.enter_async_context(aclosing(client.stream(watch)))
                assert b"ADDED" in await anext(lines)
            each = (tracemalloc.get_traced_memory()[0] - before) / WATCHES
        finally:
            tracemalloc.stop()
        # 256 KiB a connection is what asyncio takes by itself.
        assert each < 128 * 1024, f"{each / 1024:.0f} KiB a watch"
        body = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"written"}}'
        query = (("fieldManager", "test"),)
        answer = await client.send(
            Request("PATCH", f"{path}/written", query=query, body=body, content_type=APPLY, timeout=5.0)
        )
        assert answer.status == 201


def _body(name: str, namespace: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}


async def test_a_watch_whose_connection_is_half_open_is_given_up(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H14: the rule is ``fleet.kube.watch._Round._watch_over``: after 90 s without a bookmark it is dead."""
    # Watches alone are half-open: what else is kept open is closed before.
    monkeypatch.setattr(session, "_KEEP_SECONDS", 0.2)
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    line = Proxy(theatre.planes.members["eu"])
    await line.start()
    try:
        await theatre.register("eu", kubeconfig=line.kubeconfig(theatre.folder))
        await theatre.start(lease_duration=1200.0)
        await theatre.application()
        await theatre.synced()
        await asyncio.sleep(1.0)
        line.half_open()
        await theatre.members["eu"].patch("ConfigMap", "a", theatre.namespace, {"data": {"k": "by hand"}})
        await asyncio.sleep(0.5)
        theatre.hub.clock.advance(100.0)
        async with hurried(theatre):
            await has(theatre, "a", k="1")
    finally:
        await theatre.stop()
        await line.close()


async def test_a_member_restored_from_a_backup_is_looked_at_afresh(
    theatre: Theatre, mortal: Mortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H14: the rule is ``fleet.kube.watch.follow``: a list from before what was seen says that all is new."""
    monkeypatch.setattr(probing, "EVERY", 3600.0)  # so that no sign of life is missed meanwhile
    api = await Api.of(mortal.plane.kubeconfig)
    line = Proxy(mortal.plane)
    await line.start()
    theatre.members = {"mortal": api}
    try:
        await api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": theatre.namespace}})
        theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
        await theatre.register("mortal", kubeconfig=line.kubeconfig(theatre.folder))
        await theatre.start(lease_duration=120.0)
        await theatre.application()
        await theatre.synced()
        await mortal.backup()
        commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
        async with hurried(theatre):
            await theatre.synced(commit=commit)
        await has(theatre, "a", "mortal", k="2")
        # A backup is some hours old: other things were written since.
        other = _body("other", theatre.namespace)
        for number in range(15):
            await asyncio.gather(
                *(api.apply({**other, "data": {"k": f"{number}.{n}"}}, f"m{n}") for n in range(6))
            )
        await theatre.members["mortal"].patch(
            "ConfigMap", "a", theatre.namespace, {"metadata": {"annotations": {"some": "note"}}}
        )
        line.silence()
        await mortal.restore()
        found = await api.get("ConfigMap", "a", theatre.namespace)
        assert found
        assert found["data"] == {"k": "1"}
        await line.speak()
        await has(theatre, "a", "mortal", k="2")
    finally:
        await theatre.stop()
        await line.close()
        await api.close()
        theatre.members = {}


def test_the_hub_takes_as_many_open_files_as_it_may() -> None:
    """H14: the rule is ``controllers.process.open_files``: each watch is a connection, each of these a file."""
    code = "import resource as r; from controllers import process; print(process.open_files(), *r.getrlimit(r.RLIMIT_NOFILE))"
    command = ["/bin/sh", "-c", f"ulimit -Sn 256; exec '{sys.executable}' -c '{code}'"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    said, soft, hard = map(int, done.stdout.split())
    assert said == soft == hard
    assert soft > 256
