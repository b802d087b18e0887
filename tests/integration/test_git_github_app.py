"""GitHub Apps: tokens from a real HTTPS server of the API's shapes, shown to a real Git server that demands them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bootstrap.local.authority import Authority
from bootstrap.local.gitserver import GitServer
from fleet.clock import Clock
from fleet.errors import RepositoryRefused, RepositoryUnreachable, SourceError
from fleet.git.app_key import App
from fleet.git.credentials import Credential
from fleet.git.github_app import Apps
from fleet.git.mirror import Mirror
from fleet.git.process import Git
from fleet.outward import Outward, Proxy, Way
from tests.stage.connectproxy import ConnectProxy
from tests.stage.githubapi import GitHubApi, Reply, Tokens
from tests.stage.gitrepo import GitRepo

CANARY = "canary-word-of-the-api"


class Stage:
    """The API, a Git server that takes its tokens, and a mirror's side of it."""

    def __init__(
        self, api: GitHubApi, server: GitServer, git: Git, folder: Path, ca: bytes, clock: Clock
    ) -> None:
        self.api = api
        self.server = server
        self.git = git
        self.folder = folder
        self.clock = clock
        self.way = Way(ca=ca)
        self.url = f"{server.url}/acme/deploy.git"
        self.allow: tuple[str, ...] = (server.url, api.url)
        self.apps = Apps(self.clock, git, self.allow)
        self.made: list[Mirror] = []

    def credential(self, *, installation: str = "42", key: bytes = b"", **changes: Any) -> Credential:
        base = changes.pop("base", self.api.url)
        app = App(self.api.app_id, installation, key or self.api.key, base)
        return Credential(f"{self.server.url}/acme", **{"app": app, "way": self.way, **changes})

    def mirror(self, name: str = "deploy") -> Mirror:
        url = f"{self.server.url}/acme/{name}.git"
        made = Mirror(url, self.folder / f"m{len(self.made)}", self.git, self.allow, apps=self.apps)
        self.made.append(made)
        return made


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca", "git-ca")


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "served" / "acme" / "deploy.git")


@pytest.fixture
async def stage(tmp_path: Path, repo: GitRepo, authority: Authority) -> AsyncIterator[Stage]:
    clock = Clock()
    git = Git(tmp_path / "home")
    pair = authority.server("server")
    with GitHubApi(pair, clock.now) as api:
        access = Tokens(api)
        served = repo.path.parent.parent
        with GitServer(served, access=access, certificate=pair.certificate, key=pair.key) as server:
            made = Stage(api, server, git, tmp_path, authority.files.certificate.read_bytes(), clock)
            yield made
            for mirror in made.made:
                await mirror.close()
    git.close()


async def test_an_apps_token_opens_a_repository_and_serves_until_it_ends(repo: GitRepo, stage: Stage) -> None:
    first = repo.commit({"a": "1"})
    mirror = stage.mirror()
    assert (await mirror.fetch(stage.credential())).heads == {"main": first}
    second = repo.commit({"a": "2"})
    assert (await mirror.ls_remote(stage.credential())).heads == {"main": second}
    assert (await mirror.fetch(stage.credential())).heads == {"main": second}
    assert stage.api.paths() == ["POST /app/installations/42/access_tokens"]
    (asked,) = stage.api.asked
    assert asked.headers["accept"] == "application/vnd.github+json"
    assert asked.headers["x-github-api-version"] == "2022-11-28"
    assert set(stage.api.shown) == set(stage.api.given)


async def test_without_the_token_the_git_server_gives_nothing(repo: GitRepo, stage: Stage) -> None:
    repo.commit({"a": "1"})
    with pytest.raises(RepositoryUnreachable, match="refused the credential"):
        await stage.mirror().fetch(stage.credential(app=None, username="x-access-token", password="ghs_no"))


async def test_the_installation_is_looked_up_where_it_is_not_given(repo: GitRepo, stage: Stage) -> None:
    commit = repo.commit({"a": "1"})
    mirror = stage.mirror()
    for _ in range(2):
        assert (await mirror.fetch(stage.credential(installation=""))).heads == {"main": commit}
    lookup, token = "GET /repos/acme/deploy/installation", "POST /app/installations/42/access_tokens"
    assert stage.api.paths() == [lookup, token]


async def test_an_installation_that_was_made_anew_is_looked_up_again(repo: GitRepo, stage: Stage) -> None:
    commit = repo.commit({"a": "1"})
    mirror = stage.mirror()
    await mirror.fetch(stage.credential(installation=""))
    stage.api.installations = {"43": {"acme/deploy"}}
    stage.api.valid.clear()
    stage.clock.advance(3700)
    with pytest.raises(RepositoryUnreachable, match="is the App installed there"):
        await mirror.fetch(stage.credential(installation=""))
    assert (await mirror.fetch(stage.credential(installation=""))).heads == {"main": commit}


async def test_one_token_serves_all_repositories_of_an_installation(repo: GitRepo, stage: Stage) -> None:
    repo.commit({"a": "1"})
    GitRepo(repo.path.parent / "other.git").commit({"b": "1"})
    mirrors = [stage.mirror("deploy"), stage.mirror("other"), stage.mirror("deploy")]
    await asyncio.gather(*(mirror.fetch(stage.credential()) for mirror in mirrors))
    assert len(stage.api.given) == 1


async def test_a_token_is_renewed_before_it_ends_and_not_long_before(repo: GitRepo, stage: Stage) -> None:
    repo.commit({"a": "1"})
    mirror = stage.mirror()
    await mirror.fetch(stage.credential())
    stage.clock.advance(2600)
    await mirror.fetch(stage.credential())
    assert len(stage.api.given) == 1
    stage.clock.advance(720)  # 280 s before its end
    await mirror.fetch(stage.credential())
    assert len(stage.api.given) == 2
    assert stage.api.shown[-1] == stage.api.given[1]


async def test_hubs_renew_at_moments_of_their_own(repo: GitRepo, stage: Stage) -> None:
    repo.commit({"a": "1"})
    due = set()
    for _ in range(5):
        apps = Apps(stage.clock, stage.git, stage.allow)
        await apps.token(stage.url, stage.credential())
        ((kept),) = apps._kept.values()
        due.add(round(kept.ends - kept.due))
    assert len(due) > 1
    assert all(300 <= early <= 900 for early in due)


async def test_an_api_that_is_away_is_no_loss_while_the_token_lasts(repo: GitRepo, stage: Stage) -> None:
    commit = repo.commit({"a": "1"})
    mirror = stage.mirror()
    await mirror.fetch(stage.credential())
    stage.api.answer = lambda _: Reply(503, {"message": CANARY})
    stage.clock.advance(3400)
    assert (await mirror.fetch(stage.credential())).heads == {"main": commit}
    stage.clock.advance(180)
    with pytest.raises(RepositoryUnreachable, match="status 503") as caught:
        await mirror.fetch(stage.credential())
    assert CANARY not in str(caught.value)
    stage.api.answer = lambda _: None
    assert (await mirror.fetch(stage.credential())).heads == {"main": commit}


async def test_a_token_that_git_refuses_is_replaced_once(repo: GitRepo, stage: Stage) -> None:
    commit = repo.commit({"a": "1"})
    mirror = stage.mirror()
    await mirror.fetch(stage.credential())
    stage.clock.advance(120)
    stage.api.valid.clear()
    assert (await mirror.fetch(stage.credential())).heads == {"main": commit}
    assert len(stage.api.given) == 2


async def test_a_git_server_that_takes_no_token_does_not_make_the_hub_ask_without_end(
    repo: GitRepo, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.commit({"a": "1"})
    monkeypatch.setattr(Tokens, "allows", lambda *_: False)
    mirror = stage.mirror()
    for _ in range(4):
        with pytest.raises(RepositoryUnreachable, match="refused the credential"):
            await mirror.fetch(stage.credential())
    assert len(stage.api.given) == 1
    stage.clock.advance(61)
    for _ in range(3):
        with pytest.raises(RepositoryUnreachable, match="refused the credential"):
            await mirror.fetch(stage.credential())
    assert len(stage.api.given) == 2


async def test_a_key_that_is_not_the_apps_is_told(repo: GitRepo, stage: Stage) -> None:
    repo.commit({"a": "1"})
    other = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(RepositoryUnreachable, match="githubAppID and githubAppPrivateKey do not belong"):
        await stage.mirror().fetch(stage.credential(key=other))
    assert stage.api.given == []


@pytest.mark.parametrize(("seconds", "way"), [(-700, "behind"), (400, "ahead of")])
async def test_a_clock_that_is_wrong_is_told_by_how_much(
    repo: GitRepo, stage: Stage, seconds: float, way: str
) -> None:
    repo.commit({"a": "1"})
    stage.api.now = lambda: stage.clock.now() - seconds
    with pytest.raises(RepositoryUnreachable, match=rf"the hub's clock is \d+ s {way} the server's"):
        await stage.mirror().fetch(stage.credential())


WAIT = (("Retry-After", "60"),)
SPENT = (("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1900000000"))


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(403, {"message": CANARY}), "suspended"),
        (Reply(403, {"message": CANARY}, SPENT), "asks to wait"),
        (Reply(403, {"message": CANARY}, WAIT), "asks to wait"),
        (Reply(429, {"message": CANARY}, WAIT), "asks to wait"),
        (Reply(404, {"message": CANARY}), "is the App installed there"),
        (Reply(422, {"message": CANARY}), "no permission to read contents"),
        (Reply(500, CANARY.encode()), "status 500"),
        (Reply(200, {"token": CANARY}), "status 200"),
        (Reply(201, {}), "gave no token"),
        (Reply(201, {"token": [CANARY], "expires_at": CANARY}), "gave no token"),
        (Reply(201, {"token": f"{CANARY}\nx", "expires_at": CANARY}), "gave no token"),
        (Reply(201, [CANARY]), "gave no token"),
        (Reply(201, b"\xff{" + CANARY.encode()), "gave no token"),
    ],
)
async def test_what_the_api_refuses_is_told_in_words_of_our_own(
    stage: Stage, reply: Reply, words: str
) -> None:
    stage.api.answer = lambda _: reply
    with pytest.raises(SourceError, match=words) as caught:
        await stage.mirror().fetch(stage.credential())
    assert CANARY not in repr(caught.value)
    assert "ghs_" not in repr(caught.value)


async def test_an_api_that_does_not_listen_or_is_of_an_unknown_ca_is_told(stage: Stage) -> None:
    with pytest.raises(RepositoryUnreachable, match=r"certificate of 127\.0\.0\.1 is of an unknown CA"):
        await stage.mirror().fetch(stage.credential(way=Way()))
    away = stage.credential(base="https://127.0.0.1:1/api")
    stage.apps._allow = (*stage.allow, "https://127.0.0.1:1")
    with pytest.raises(RepositoryUnreachable, match="could not be reached"):
        await stage.mirror().fetch(away)
    assert stage.api.asked == []


async def test_a_redirect_of_the_api_is_not_followed_and_takes_no_jwt_along(
    repo: GitRepo, stage: Stage, authority: Authority
) -> None:
    repo.commit({"a": "1"})
    with GitHubApi(authority.server("server"), stage.clock.now) as trap:
        stage.apps._allow = (*stage.allow, trap.url)
        for status in (301, 302, 307, 308):
            place = (("Location", f"{trap.url}/app/installations/42/access_tokens"),)
            stage.api.answer = lambda _, status=status, place=place: Reply(
                status, {"url": place[0][1]}, place
            )
            with pytest.raises(RepositoryRefused, match="redirects"):
                await stage.mirror().fetch(stage.credential())
        assert trap.asked == []


async def test_the_api_is_held_to_the_rules_of_addresses(stage: Stage) -> None:
    """Nothing is asked of an address that is not opened, although a repository Secret names it."""
    stage.apps._allow = ()
    with pytest.raises(RepositoryRefused, match="--allow-git"):
        await stage.mirror().fetch(stage.credential())
    assert stage.api.asked == []


async def test_the_repositorys_proxy_and_ca_are_on_the_way_to_the_api_too(
    repo: GitRepo, stage: Stage
) -> None:
    """By names that only the proxy knows, and a certificate that only caData vouches for."""
    commit = repo.commit({"a": "1"})
    name = "kubernetes.default.svc"  # what the certificate is for
    with ConnectProxy(access=("me", "pa ss")) as api_proxy:
        api_proxy.names[name] = stage.api.port
        base = f"https://{name}/api/v3"
        proxy = Proxy("http", "127.0.0.1", api_proxy.port, "me", "pa ss")
        way = Way(stage.way.ca, proxy)
        token = await stage.apps.token(stage.url, stage.credential(base=base, way=way))
        assert token in stage.api.valid
        assert set(api_proxy.places) == {f"{name}:443"}
        wrong = Way(stage.way.ca, Proxy("http", "127.0.0.1", api_proxy.port, "me", "canary"))
        apps = Apps(stage.clock, stage.git, stage.allow)
        with pytest.raises(RepositoryUnreachable, match=r"refused the way to .* with status 407") as caught:
            await apps.token(stage.url, stage.credential(base=base, way=wrong))
        assert "canary" not in repr(caught.value)
        for head in api_proxy.asked:
            assert "Bearer" not in head
    away = Way(stage.way.ca, Proxy("http", "127.0.0.1", 1))
    with pytest.raises(RepositoryUnreachable, match=r"the proxy http://127\.0\.0\.1:1 does not answer"):
        await apps.token(stage.url, stage.credential(base=base, way=away))
    assert commit


async def test_the_hubs_proxy_and_ca_serve_where_the_repository_has_none(stage: Stage) -> None:
    name = "kubernetes.default.svc"
    with ConnectProxy() as proxy:
        proxy.names[name] = stage.api.port
        out = Outward(stage.way.ca, Proxy("http", "127.0.0.1", proxy.port))
        apps = Apps(stage.clock, stage.git, stage.allow, out)
        found = stage.credential(base=f"https://{name}/api/v3", way=Way())
        assert await apps.token(stage.url, found) in stage.api.valid
        assert proxy.places == [f"{name}:443"]


def shown() -> Iterator[bytes]:
    """Arguments and environment of every process below this one."""
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield (path / "cmdline").read_bytes() + (path / "environ").read_bytes()


def contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_a_token_is_in_no_argument_environment_file_log_or_error(
    repo: GitRepo, stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    repo.commit({f"big/{number}": os.urandom(10_000) for number in range(300)})
    mirror = stage.mirror()
    task = asyncio.create_task(mirror.fetch(stage.credential()))
    looks = 0
    while not task.done():
        for process in shown():
            looks += b"git" in process and bool(stage.api.given)
            assert not any(token.encode() in process for token in stage.api.given)
        await asyncio.sleep(0)
    await task
    assert looks
    assert stage.api.shown
    stage.api.valid.clear()
    with pytest.raises(RepositoryUnreachable) as caught:
        await mirror.fetch(stage.credential())
    written = contents(tmp_path / "home") + contents(tmp_path / "m0")
    key = stage.api.key.splitlines()[3]
    jwts = [asked.headers["authorization"].removeprefix("Bearer ").encode() for asked in stage.api.asked]
    assert jwts
    for secret in (*map(str.encode, stage.api.given), *jwts, key):
        assert secret not in written
        assert secret not in caplog.text.encode()
        assert secret not in repr((caught.value, stage.credential(), stage.apps._kept)).encode()
