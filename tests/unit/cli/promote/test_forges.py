"""Pull requests on GitHub and GitLab."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fleet.cli.errors import CliError
from fleet.cli.promote import forges
from fleet.cli.promote.forges import Wanted
from tests.stage.forges import TOKEN, Forges

WANTED = Wanted("main", "fleethub/promote-shop-to-prod", "Promote shop", "one")


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Forges]:
    for names in forges.TOKENS.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FLEETHUB_FORGE_TOKEN", TOKEN)
    with Forges() as made:
        yield made


async def test_githubs_pull_request_is_made_once_and_then_updated_in_place(served: Forges) -> None:
    where = forges.of("git@github.com:acme/fleet.git", api=f"{served.url}/api/v3/")
    assert (where.kind, where.path) == ("github", "acme/fleet")
    made = await forges.put(where, WANTED)
    assert made == forges.Request("https://github.example/acme/fleet/pull/1", made=True)
    again = await forges.put(where, replace(WANTED, body="two"))
    assert again == replace(made, made=False)
    (pull,) = served.pulls
    assert (pull["body"], pull["head"]["ref"], pull["base"]["ref"]) == ("two", WANTED.branch, "main")
    # One that was merged is not opened again: the next promotion gets its own.
    pull["state"] = "closed"
    assert (await forges.put(where, WANTED)).made
    assert len(served.pulls) == 2


async def test_gitlabs_merge_request_is_made_once_and_then_updated_in_place(served: Forges) -> None:
    where = forges.of("https://gitlab.example/acme/teams/fleet.git", api=f"{served.url}/api/v4")
    assert (where.kind, where.path) == ("gitlab", "acme/teams/fleet")
    assert (await forges.put(where, WANTED)).made
    assert not (await forges.put(where, replace(WANTED, title="other"))).made
    (merge,) = served.merges
    assert (merge["title"], merge["description"], merge["target_branch"]) == ("other", "one", "main")
    assert served.asked[0].startswith("GET /api/v4/projects/acme%2Fteams%2Ffleet/merge_requests?")


def test_where_a_forges_api_is_follows_from_its_host(served: Forges) -> None:
    del served
    assert forges.of("https://github.com/acme/fleet").api == "https://api.github.com"
    assert forges.of("ssh://git@github.acme.example/a/b.git").api == "https://github.acme.example/api/v3"
    assert forges.of("https://git.acme.example/a/b.git", "gitlab").api == "https://git.acme.example/api/v4"
    hidden = forges.of("https://x-access-token:s3cret@github.com/acme/fleet.git")
    assert (hidden.path, hidden.api) == ("acme/fleet", "https://api.github.com")
    assert "s3cret" not in repr(hidden)
    with pytest.raises(CliError) as caught:
        forges.of("https://git.acme.example/a/b.git")
    assert "may be any forge" in caught.value.message


async def test_what_a_forge_refuses_is_told_by_its_status(
    served: Forges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEETHUB_FORGE_TOKEN", "another")
    where = forges.of("https://github.com/acme/fleet", api=f"{served.url}/api/v3")
    assert "another" not in repr(where)
    with pytest.raises(CliError) as caught:
        await forges.put(where, WANTED)
    assert caught.value.message == "github answered 401 for the pull request of acme/fleet"
    monkeypatch.delenv("FLEETHUB_FORGE_TOKEN")
    with pytest.raises(CliError) as missing:
        forges.of("https://github.com/acme/fleet")
    assert missing.value.hint == "Set GITHUB_TOKEN"
