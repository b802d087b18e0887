"""A hub process that is killed with SIGKILL in the middle of its work; the next one ends it."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from bootstrap.local import ports
from fleet import names
from tests.stage.api import until
from tests.stage.theatre import Theatre, config


async def test_a_killed_hub_is_replaced_and_nothing_is_lost_or_doubled(theatre: Theatre) -> None:
    files: dict[str, str | None] = {
        f"apps/app/{number}.yaml": config(f"c{number}", k="v") for number in range(40)
    }
    theatre.repo.commit(files)
    for name in theatre.members:
        await theatre.register(name)
    (port,) = ports.free(1)
    command = [
        sys.executable,
        "-m",
        "fleet.cli",
        "hub",
        "--kubeconfig",
        str(theatre.planes.hub.kubeconfig),
        "--listen",
        f"127.0.0.1:{port}",
        "--data",
        str(theatre.folder / "data"),
        "--allow-git",
        f"{theatre.planes.git.url}/",
        "--poll-interval",
        "500ms",
        "--lease-duration",
        "3s",
        "--log-level",
        "error",
    ]

    async def count(member: str) -> int:
        return len(await theatre.members[member].list("ConfigMap", theatre.namespace))

    first = subprocess.Popen(command)
    try:
        await theatre.application()

        async def some() -> bool:
            return await count("eu") > 3

        await until(some, 30, what="some objects are there", interval=0.005)
    finally:
        first.kill()
        first.wait()
    theatre.repo.commit({"apps/app/0.yaml": None, "apps/app/1.yaml": config("c1", k="w")})
    second = subprocess.Popen(command)
    try:

        async def done() -> bool:
            for name, member in theatre.members.items():
                changed = await member.get("ConfigMap", "c1", theatre.namespace)
                if await count(name) != 39 or not changed or changed["data"] != {"k": "w"}:
                    return False
            return True

        await until(done, 40, what="the second hub has ended the work")
        await theatre.synced()
        await theatre.api.delete("Application", "app", names.HUB_NAMESPACE)

        async def empty() -> bool:
            return not any([await count(name) for name in theatre.members])

        await until(empty, 30, what="all objects are gone")
    finally:
        second.terminate()
        await asyncio.to_thread(second.wait, 20)
