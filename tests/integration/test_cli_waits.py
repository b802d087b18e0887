"""Commands that wait, while the hub's API server is away for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from fleet import names
from tests.integration.test_cli import fleethub
from tests.integration.test_waiting import MANUAL
from tests.stage.api import until
from tests.stage.proxy import Proxy
from tests.stage.theatre import Theatre, config


@pytest.fixture
async def line(theatre: Theatre) -> AsyncIterator[Proxy]:
    """The way of a command to the hub's API server."""
    proxy = Proxy(theatre.planes.hub)
    await proxy.start()
    yield proxy
    await proxy.close()


async def away(line: Proxy) -> None:
    """Let the server be away, until the command has looked for it more than once."""

    async def twice() -> bool:
        return line.refused > 1

    await line.refuse()
    await until(twice, what="the command looks again")
    await line.speak()


async def test_a_wait_outlasts_an_api_server_that_is_away_for_a_moment(theatre: Theatre, line: Proxy) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await theatre.register("eu")
    await theatre.start()
    await theatre.application(syncPolicy=MANUAL)
    await theatre.told("app", "Manual")
    through = str(line.kubeconfig(theatre.folder))
    command = asyncio.ensure_future(
        fleethub(theatre, "app", "wait", "app", "--timeout", "60s", "--kubeconfig", through)
    )
    await away(line)
    await theatre.api.patch(
        "Application", "app", names.HUB_NAMESPACE, {"spec": {"syncPolicy": {"automated": {}}}}
    )
    done = await command
    assert "Synced" in done.out


async def test_a_list_of_clusters_is_registered_over_an_api_server_that_is_away_for_a_moment(
    theatre: Theatre, line: Proxy
) -> None:
    file = theatre.folder / "clusters.yaml"
    file.write_text(
        "\n".join(
            f"- {{name: {name}, memberKubeconfig: {theatre.planes.members[name].kubeconfig}}}"
            for name in ("eu", "us")
        )
    )
    through = str(line.kubeconfig(theatre.folder))
    words = ("cluster", "apply", "-f", str(file), "-o", "json", "--timeout", "60s", "--kubeconfig", through)
    command = asyncio.ensure_future(fleethub(theatre, *words))

    async def written() -> bool:
        secrets = [f"{name}-kubeconfig" for name in ("eu", "us")]
        return all([await theatre.api.get("Secret", name, names.HUB_NAMESPACE) for name in secrets])

    await until(written, what="both are registered, and no hub has said a word of them")
    await away(line)
    await theatre.start()
    done = await command
    assert [one["result"] for one in done.json["items"]] == ["registered"] * 2
