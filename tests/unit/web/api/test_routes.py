"""The API as a client sees it: who gets in, what is told."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fleet.model import (
    ApplicationKey,
    Cause,
    Counts,
    Drift,
    Fault,
    Findings,
    Health,
    Hold,
    Holding,
    ObjectRef,
    Outcome,
    Reach,
    Revision,
    Sync,
    TargetKey,
)
from fleet.report.stages import Source, Stage, Step, Trace, Verdict
from fleet.web.api import routes
from fleet.web.api.provider import (
    ApplicationView,
    ClusterView,
    QueueView,
    ResourceView,
    SourceView,
    TargetView,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.unit.web.conftest import Serving

KEY = ApplicationKey("team", "hello")
WEB = ObjectRef("apps", "Deployment", "hello", "web")
TOKEN = {"Authorization": "Bearer s3cret"}
COMMIT = "abc1234" + "0" * 33

OUTCOME = Outcome(
    TargetKey(KEY, "eu-1"),
    (Revision("git.example/acme/deploy", COMMIT, "refs/heads/main"),),
    Sync.SYNCED,
    Health.HEALTHY,
    Counts(desired=3, members=3),
    (Fault(WEB, "Invalid", "no", "spec.replicas"),),
    (Holding(Hold.HOOKS, "not run", (WEB,)),),
    Findings((Drift(WEB, Cause.CHANGED, "kubectl", "Update", "2026", ("spec.replicas",)),)),
    at=100.0,
)


TRACE = Trace(
    Verdict.WAITING,
    COMMIT,
    (Source("https://git.example/acme/deploy", "main", "f" * 40, looked=100.0, how="poll"),),
    (Step(Stage.LIVE, "team/hello", "eu-1"), Step(Stage.HELD, "team/hello", "us-1", "Paused", "Resume it")),
)


class Hub:
    """Two targets, one of them on a cluster that has just stopped to answer."""

    def now(self) -> float:
        return 1000.0

    def applications(self) -> Sequence[ApplicationView]:
        return [
            ApplicationView(
                KEY,
                "default",
                SourceView("https://git.example/acme/deploy", "apps/hello", "main", "f" * 40),
                {"revision": COMMIT},
                (
                    TargetView("eu-1", OUTCOME, Reach("eu-1", reachable=True, since=1.0, seen=999.0)),
                    TargetView("us-1", OUTCOME, Reach("us-1", reachable=False, since=999.0)),
                ),
            )
        ]

    def application(self, key: ApplicationKey) -> ApplicationView | None:
        return self.applications()[0] if key == KEY else None

    def traced(self, key: ApplicationKey) -> ApplicationView | None:
        view = self.application(key)
        return replace(view, trace=TRACE) if view is not None else None

    async def commit(self, name: str) -> Trace:
        return replace(TRACE, commit=name)

    def resources(self, key: ApplicationKey) -> Sequence[ResourceView] | None:
        return [ResourceView("eu-1", WEB, Health.PROGRESSING, "1 of 2 ready")] if key == KEY else None

    def clusters(self) -> Sequence[ClusterView]:
        reach = Reach("eu-1", reachable=True, since=1.0, seen=999.0, version="v1.36.3")
        return [ClusterView("eu-1", "https://eu-1:6443", {"env": "prod"}, reach=reach, outcomes=(OUTCOME,))]

    def cluster(self, name: str) -> ClusterView | None:
        return self.clusters()[0] if name == "eu-1" else None

    def queue(self) -> Sequence[QueueView]:
        return [QueueView("eu-1", (1, 2, 0, 4), running=3)]


def api(token: bytes | None = b"s3cret") -> Any:
    return routes.routes(Hub(), lambda: token)


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic s3cret"}])
async def test_strangers_get_nothing(serving: Serving, header: dict[str, str]) -> None:
    async with serving(api()) as session, session.get("/api/v1/applications", headers=header) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert set(await answer.json()) == {"error", "reason"}


async def test_without_a_token_set_nobody_gets_in(serving: Serving) -> None:
    for token in (None, b""):
        async with serving(api(token)) as session:
            for given in ("", "\0", "Bearer", "Bearer \x01"):
                headers = {"Authorization": f"Bearer {given}"} if given.isprintable() else {}
                async with session.get("/api/v1/queue", headers=headers) as answer:
                    assert answer.status == 401


async def test_a_cluster_that_just_went_dark_is_unknown_at_once(serving: Serving) -> None:
    async with serving(api()) as session, session.get("/api/v1/applications", headers=TOKEN) as answer:
        (row,) = (await answer.json())["items"]
    assert (row["sync"], row["health"], row["clusters"]) == ("Unknown", "Unknown", "1/2")
    assert (row["revision"], row["headRevision"]) == (COMMIT, "f" * 40)


async def test_one_application_has_the_detail_of_every_target(serving: Serving) -> None:
    async with (
        serving(api()) as session,
        session.get("/api/v1/applications/team/hello", headers=TOKEN) as answer,
    ):
        told = await answer.json()
    first, second = told["targets"]
    assert first["counts"]["desired"] == 3
    assert first["drifts"] == [
        {
            "object": "Deployment.apps hello/web",
            "cause": "Changed",
            "manager": "kubectl",
            "operation": "Update",
            "at": "2026",
            "fields": ["spec.replicas"],
        }
    ]
    assert first["faults"][0]["field"] == "spec.replicas"
    assert first["holds"][0]["hold"] == "HooksNotRun"
    assert first["reach"]["reachable"]
    assert (second["sync"], second["reason"]) == ("Unknown", "ClusterUnreachable")


async def test_resources_clusters_and_queue(serving: Serving) -> None:
    async with serving(api()) as session:

        async def get(path: str) -> Any:
            async with session.get(path, headers=TOKEN) as answer:
                assert answer.status == 200
                assert answer.headers["Cache-Control"] == "no-store"
                return await answer.json()

        (resource,) = (await get("/api/v1/applications/team/hello/resources"))["items"]
        assert (resource["kind"], resource["health"]) == ("Deployment", "Progressing")
        (cluster,) = (await get("/api/v1/clusters"))["items"]
        assert (cluster["applications"], cluster["well"]) == (1, 1)
        assert (await get("/api/v1/clusters/eu-1"))["targets"][0]["application"] == "team/hello"
        assert (await get("/api/v1/queue"))["items"][0]["waiting"] == {
            "urgent": 1,
            "cold": 2,
            "audit": 0,
            "seal": 4,
        }


@pytest.mark.parametrize(
    "path", ["applications/team/none", "clusters/none", "nothing", "applications/a/b/c/d"]
)
async def test_what_is_not_there_is_404(serving: Serving, path: str) -> None:
    async with serving(api()) as session, session.get(f"/api/v1/{path}", headers=TOKEN) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("name", ["abc1234", COMMIT, COMMIT.upper(), "a" * 64])
async def test_a_commit_is_traced_also_one_that_nobody_knows(serving: Serving, name: str) -> None:
    async with serving(api()) as session, session.get(f"/api/v1/commits/{name}", headers=TOKEN) as answer:
        assert answer.status == 200
        told = await answer.json()
    assert (told["commit"], told["verdict"], told["live"], told["targets"]) == (name.lower(), "Waiting", 1, 2)
    assert told["sources"][0]["looked"] == "1970-01-01T00:01:40Z"
    assert told["steps"][1]["action"] == "Resume it"


@pytest.mark.parametrize("name", ["abc123", "main", "a" * 65, "..", "abc1234/x"])
async def test_what_is_no_commit_is_400(serving: Serving, name: str) -> None:
    url = f"/api/v1/commits/{name.replace('..', '%2e%2e%2e')}"
    async with serving(api()) as session, session.get(url, headers=TOKEN) as answer:
        assert answer.status == 400


async def test_an_application_has_its_trace(serving: Serving) -> None:
    async with (
        serving(api()) as session,
        session.get("/api/v1/applications/team/hello", headers=TOKEN) as answer,
    ):
        assert [step["stage"] for step in (await answer.json())["trace"]["steps"]] == ["Live", "Held"]


async def test_query_is_for_callers_whose_authorization_header_is_taken(serving: Serving) -> None:
    async with serving(api()) as session:
        good = {"token": "s3cret", "path": "/api/v1/clusters/eu-1"}
        async with session.post("/api/v1/query", json=good) as answer:
            assert answer.status == 200
            assert (await answer.json())["name"] == "eu-1"
        for body, status in (
            ({**good, "token": "x"}, 401),
            ({**good, "token": 5}, 401),
            ({**good, "path": 5}, 404),
            ([], 400),
            ("s3cret", 400),
        ):
            async with session.post("/api/v1/query", json=body) as answer:
                assert answer.status == status
        async with session.post("/api/v1/query", data=b"[" * 100_000) as answer:
            assert answer.status == 400


def test_the_page_tells_of_every_path_and_of_no_other() -> None:
    page = Path(__file__).parents[4] / "docs" / "api.md"
    told = re.findall(rf"^\| `GET {routes.PREFIX}(/\S*)` \|", page.read_text(), re.MULTILINE)
    # What stands in capitals on the page stands for a name, or for a commit.
    paths = [re.sub("[A-Z]+", "abcdef0", path) for path in told]
    patterns = [pattern for pattern, _ in routes._TABLE]
    assert [
        path for path in paths if not any(map(re.Pattern.fullmatch, patterns, [path] * len(patterns)))
    ] == []
    assert [one.pattern for one in patterns if not any(map(one.fullmatch, paths))] == []
    assert len(told) == len(patterns)
