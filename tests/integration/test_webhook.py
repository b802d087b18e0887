"""Pushes as forges tell them to a hub: who may wake which repository."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest

from fleet import names
from tests.stage.api import until
from tests.stage.theatre import Theatre, config

OURS, THEIRS, LAST_RESORT = b"of our team", b"of another team", b"of last resort"
ELSEWHERE = "https://git.example.com/another/deploy.git"


@pytest.fixture
async def teams(theatre: Theatre) -> AsyncIterator[Theatre]:
    """Two teams with a repository and a secret each, and a secret for those that have none."""
    label = {names.SECRET_TYPE: names.SECRET_REPOSITORY}
    wanted: Mapping[str, tuple[dict[str, str], dict[str, bytes]]] = {
        "ours": (label, {"url": theatre.repo.url.encode(), "webhookSecret": OURS}),
        "theirs": (label, {"url": ELSEWHERE.encode(), "webhookSecret": THEIRS}),
        names.WEBHOOK_SECRET: ({}, {"webhookSecret": LAST_RESORT}),
    }
    for name, (labels, values) in wanted.items():
        metadata = {"name": name, "namespace": names.HUB_NAMESPACE, "labels": labels}
        data = {key: base64.b64encode(value).decode() for key, value in values.items()}
        await theatre.api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    yield theatre
    await theatre.stop()
    for name in wanted:
        await theatre.api.delete("Secret", name, names.HUB_NAMESPACE)


async def push(theatre: Theatre, secret: bytes, **urls: str) -> tuple[int, Any]:
    """Tell the hub of a push; the status and the answer."""
    assert theatre.running
    body = json.dumps({"ref": "refs/heads/main", "after": "c" * 40, "repository": urls}).encode()
    signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={signature}", "X-GitHub-Event": "push"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{theatre.running.url}/webhook", data=body, headers=headers) as answer,
    ):
        return answer.status, await answer.json()


async def test_a_repository_is_woken_by_its_own_secret_alone(teams: Theatre) -> None:
    theatre = teams
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await theatre.register("eu")
    await theatre.start(poll_interval=100_000.0)
    await theatre.application()
    await theatre.synced(commit=commit)
    repository = theatre.hub.repositories.get(theatre.repo.url)
    looked = repository.looked

    both = {"clone_url": ELSEWHERE, "ssh_url": theatre.repo.url}
    assert await push(theatre, THEIRS, **both) == (202, {"woken": 0})
    status, _ = await push(theatre, THEIRS, clone_url=theatre.repo.url)
    assert status == 401
    status, _ = await push(theatre, LAST_RESORT, clone_url=theatre.repo.url)
    assert status == 401
    assert repository.looked == looked

    assert await push(theatre, OURS, **both) == (202, {"woken": 1})

    async def again() -> bool:
        return repository.looked > looked

    await until(again, what="the hub looks at what was pushed")
