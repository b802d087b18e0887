"""Each answer of ``fleethub trace`` provoked on real servers, in the words that a person would act on."""

from __future__ import annotations

from typing import Any

import aiohttp

from tests.stage.api import until
from tests.stage.theatre import API_TOKEN, Theatre, config


async def asked(theatre: Theatre, path: str) -> dict[str, Any]:
    """What the API answers with the token."""
    assert theatre.running is not None
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    async with (
        aiohttp.ClientSession(theatre.running.url) as session,
        session.get(f"/api/v1{path}", headers=headers) as answer,
    ):
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found


async def told(theatre: Theatre, what: str, stage: str, *words: str, cluster: str = "eu") -> dict[str, Any]:
    """Wait until a step of a commit's trace, or of an Application's, has this stage and these words."""
    last: dict[str, Any] = {}

    async def look() -> dict[str, Any] | None:
        last.update(await asked(theatre, what))
        found = last if "steps" in last else last["trace"]
        for step in found["steps"]:
            text = f"{step['text']} {step['action']} {step['subject']}"
            if step["stage"] == stage and step["cluster"] in (cluster, "") and all(w in text for w in words):
                return {**step, "verdict": found["verdict"]}
        return None

    try:
        step: dict[str, Any] = await until(look, 20, what=f"{what} is {stage} {words}")
    except AssertionError as error:
        raise AssertionError(f"{error}; {last}") from None
    return step


APP = "/applications/fleethub/app"


async def test_a_commit_that_is_live_says_since_when_and_so_does_one_that_a_newer_one_contains(
    theatre: Theatre,
) -> None:
    first = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await theatre.start()
    await theatre.register("eu")
    await theatre.application()
    await theatre.synced(commit=first)
    step = await told(theatre, f"/commits/{first}", "Live")
    assert step["verdict"] == "Live"
    assert step["since"]
    assert not step["atLeast"]
    second = theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
    await theatre.synced(commit=second)
    for commit in (first[:8], second):
        assert (await told(theatre, f"/commits/{commit}", "Live"))["revision"] == second
    assert (await told(theatre, APP, "Live"))["verdict"] == "Live"
