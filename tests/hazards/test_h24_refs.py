"""H24: a push may be told before it can be fetched, and a branch that goes back may only be an old mirror's word."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess

import aiohttp

from fleet import names
from fleet.world import repositories
from tests.hazards.scene import begin, has, live, uid
from tests.stage.api import until
from tests.stage.repository import ENVIRONMENT
from tests.stage.theatre import Theatre, config

SECRET = b"of the webhook"


async def pushed(theatre: Theatre, commit: str) -> None:
    """Tell the hub of a push, as a forge does."""
    assert theatre.running
    told = {"ref": "refs/heads/main", "after": commit, "repository": {"clone_url": theatre.repo.url}}
    body = json.dumps(told).encode()
    signature = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={signature}", "X-GitHub-Event": "push"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{theatre.running.url}/webhook", data=body, headers=headers) as answer,
    ):
        assert answer.status == 202, await answer.text()


def serve(theatre: Theatre, commit: str) -> None:
    """Have the served repository's branch show a commit, with no word to anybody."""
    command = ["git", "--git-dir", str(theatre.repo.served), "update-ref", "refs/heads/main", commit]
    subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True)


async def test_a_push_that_is_told_before_its_commit_is_served_is_looked_for_again(theatre: Theatre) -> None:
    """H24: the rule is ``fleet.world.repositories.Repository._pause``: 1, 2, 4 ... 60 s after such a push."""
    secret = {"name": names.WEBHOOK_SECRET, "namespace": names.HUB_NAMESPACE}
    data = {"webhookSecret": base64.b64encode(SECRET).decode()}
    await theatre.api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": secret, "data": data})
    first = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    try:
        await begin(theatre, poll_interval=100_000.0)
        await theatre.application()
        await theatre.synced()
        commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
        serve(theatre, first)  # what the forge's other replica still has
        repository = theatre.hub.repositories.get(theatre.repo.url)
        looked = repository.looked
        await pushed(theatre, commit)

        async def again() -> bool:
            return repository.looked > looked

        await until(again, what="the hub has looked, and found nothing")
        await has(theatre, "a", k="1")
        serve(theatre, commit)
        theatre.hub.clock.advance(1.5)
        await has(theatre, "a", k="2")
    finally:
        await theatre.stop()
        await theatre.api.delete("Secret", names.WEBHOOK_SECRET, names.HUB_NAMESPACE)


async def test_a_branch_that_goes_back_for_a_moment_removes_nothing(theatre: Theatre) -> None:
    """H24: the rule is ``fleet.world.repositories.Repository._believed``: an ancestor is believed after 10 s."""
    first = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await begin(theatre, poll_interval=0.2)
    await theatre.application()
    second = theatre.repo.commit({"apps/app/b.yaml": config("b", k="1")})
    await theatre.synced(commit=second)
    before = await uid(theatre, "ConfigMap", "b")
    repository = theatre.hub.repositories.get(theatre.repo.url)
    serve(theatre, first)  # a mirror that lags answers

    async def doubted() -> bool:
        return bool(repository._pending) or repository.resolve("main").commit == first

    await until(doubted, what="the older commit was seen")
    assert await uid(theatre, "ConfigMap", "b") == before
    serve(theatre, second)
    theatre.hub.clock.advance(repositories.BACKWARD_WAIT + 1)

    async def calm() -> bool:
        return not repository._pending

    await until(calm, what="the branch is where it was")
    assert await uid(theatre, "ConfigMap", "b") == before
    # Meant so, it stands there longer: then it is followed.
    serve(theatre, first)
    await until(doubted, what="the older commit was seen")
    assert await live(theatre, "ConfigMap", "b")
    theatre.hub.clock.advance(repositories.BACKWARD_WAIT + 1)
    await theatre.nowhere("ConfigMap", "b", ("eu",))
    assert await live(theatre, "ConfigMap", "a")
