"""Each answer of ``fleethub trace`` provoked on real servers, in the words that a person would act on."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest

from fleet import names
from fleet.hub.seams import Seams
from fleet.kube.client import Client
from fleet.kube.request import Answer, Request
from tests.integration.test_sync_more import healthy, one, wave
from tests.stage.api import until
from tests.stage.proxy import Proxy
from tests.stage.theatre import API_TOKEN, Theatre, config, definition, deployment, manifest

APP = "/applications/fleethub/app"
LONG = 600.0  # a poll interval that no test lives to see the end of
MANUAL: dict[str, Any] = {"syncPolicy": {}}


async def ask(theatre: Theatre, path: str, *, status: int | None = 200) -> dict[str, Any]:
    """What the API answers to whoever has the token."""
    assert theatre.running is not None
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    async with (
        aiohttp.ClientSession(theatre.running.url) as session,
        session.get(f"/api/v1{path}", headers=headers) as answer,
    ):
        assert status in (None, answer.status), await answer.text()
        found: dict[str, Any] = await answer.json()
        return found


async def told(
    theatre: Theatre, path: str, stage: str, *words: str, cluster: str | None = None
) -> dict[str, Any]:
    """Wait until a step of a trace has this stage and these words; the step, with the trace's verdict."""
    last: list[Any] = []

    async def look() -> dict[str, Any] | None:
        found = await ask(theatre, path, status=None)  # the hub may not have seen the Application yet
        last[:] = (found.get("trace", found) or {}).get("steps", ())
        step: dict[str, Any]
        for step in last:
            text = f"{step['text']} | {step['action']} | {step['subject']}"
            if (
                step["stage"] == stage
                and cluster in (None, step["cluster"])
                and all(w in text for w in words)
            ):
                return step
        return None

    try:
        step: dict[str, Any] = await until(look, 20, what=f"{path} is {stage} {words}")
    except AssertionError:
        raise AssertionError(f"{path} never was {stage} {words}; it is {last}") from None
    answer = await ask(theatre, path)
    return {**step, "verdict": answer.get("trace", answer)["verdict"]}


def at(commit: str) -> str:
    return f"/commits/{commit}"


@pytest.fixture
async def webhook(theatre: Theatre) -> AsyncIterator[bytes]:
    """The secret that forges sign with, on a hub that is not started yet."""
    shared = b"shared"
    metadata = {"name": names.WEBHOOK_SECRET, "namespace": names.HUB_NAMESPACE}
    data = {"webhookSecret": base64.b64encode(shared).decode()}
    await theatre.api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    yield shared
    await theatre.api.delete("Secret", names.WEBHOOK_SECRET, names.HUB_NAMESPACE)


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


COMMAND = (sys.executable, "-m", "fleet.cli")


def environment(theatre: Theatre) -> dict[str, str]:
    """That of the hub's administrator."""
    told = {name: value for name, value in os.environ.items() if name != "FLEETHUB_URL"}
    return {**told, "KUBECONFIG": str(theatre.planes.hub.kubeconfig)}


async def fleethub(theatre: Theatre, *arguments: str, code: int = 0) -> Done:
    """Run a command as a process; it must end with ``code``."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, env=environment(theatre), stdout=pipe, stderr=pipe
    )
    out, err = await process.communicate()
    done = Done(process.returncode or 0, out.decode(), err.decode())
    assert done.code == code, done
    assert API_TOKEN not in done.out + done.err
    return done


async def begin(theatre: Theatre, files: dict[str, str], **spec: Any) -> str:
    """One member, and the Application applied to it."""
    commit = theatre.repo.commit(files)
    await one(theatre)
    await theatre.application(**spec)
    await theatre.synced(commit=commit)
    return commit


# --- live -------------------------------------------------------------------------------------------------


async def test_a_live_commit_says_since_when_and_so_does_one_that_a_newer_one_contains(
    theatre: Theatre,
) -> None:
    first = await begin(theatre, {"apps/app/a.yaml": config("a", k="1")})
    step = await told(theatre, at(first), "Live", cluster="eu")
    assert step["verdict"] == "Live"
    assert step["since"]
    assert not step["atLeast"]
    second = theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
    await theatre.synced(commit=second)
    for commit in (first, first[:7].upper(), second):
        found = await ask(theatre, at(commit))
        assert (found["verdict"], found["live"], found["targets"]) == ("Live", 1, 1)
        assert found["steps"][0]["revision"] == second
    assert (await told(theatre, APP, "Live"))["verdict"] == "Live"


async def test_after_a_restart_it_was_so_at_least_since_the_start(theatre: Theatre) -> None:
    commit = await begin(theatre, {"apps/app/a.yaml": config("a", k="1")})

    async def sealed() -> bool:
        parents = await theatre.members["eu"].list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)
        return any(names.SET_SEAL in parent["metadata"]["annotations"] for parent in parents)

    await until(
        sealed, what="the parent says that all is as it should be, so that a restart has nothing to do"
    )
    await theatre.stop()
    await theatre.start()
    assert (await told(theatre, at(commit), "Live", cluster="eu"))["atLeast"]
    shown = await fleethub(theatre, "trace", commit)
    assert f"Commit {commit[:12]}: Live, 1 of 1 targets live" in shown.out
    newer = theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
    await theatre.synced(commit=newer)
    assert not (await told(theatre, at(newer), "Live", cluster="eu"))["atLeast"]


# --- not seen, not followed, not concerned ----------------------------------------------------------------


async def test_a_commit_that_was_not_fetched_names_the_last_look_and_how_to_ask_for_one(
    theatre: Theatre, webhook: bytes
) -> None:
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await one(theatre, poll_interval=LONG)
    await theatre.application()
    await theatre.synced(commit=commit)
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
    step = await told(
        theatre,
        at(commit),
        "NotSeen",
        theatre.repo.url,
        "last look at 20",
        "by the first look, the next at 20",
        "fleethub app refresh fleethub/app",
    )
    assert step["verdict"] == "Waiting"
    shown = await fleethub(theatre, "trace", commit, code=3)
    assert "NotSeen" in shown.out
    assert "fleethub app refresh fleethub/app" in shown.out

    await fleethub(theatre, "app", "refresh", "fleethub/app")
    await told(theatre, at(commit), "Live")
    assert (await ask(theatre, APP))["trace"]["sources"][0]["by"] == "refresh"

    # A forge's word: the look says that it came by that.
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="3")})
    body = json.dumps(
        {"ref": "refs/heads/main", "after": commit, "repository": {"clone_url": theatre.repo.url}}
    ).encode()
    signature = f"sha256={hmac.new(webhook, body, hashlib.sha256).hexdigest()}"
    headers = {"X-GitHub-Event": "push", "X-Hub-Signature-256": signature}
    assert theatre.running is not None
    async with (
        aiohttp.ClientSession(theatre.running.url) as session,
        session.post("/webhook", data=body, headers=headers) as answer,
    ):
        assert answer.status == 202
    await told(theatre, at(commit), "Live")
    assert (await ask(theatre, APP))["trace"]["sources"][0]["by"] == "webhook"


async def test_a_git_server_that_does_not_answer_is_named_with_what_to_check(theatre: Theatre) -> None:
    commit = await begin(theatre, {"apps/app/a.yaml": config("a", k="1")})
    served, away = theatre.repo.served, theatre.repo.served.with_suffix(".away")
    served.rename(away)
    try:
        step = await told(theatre, at("0" * 40), "NotSeen", theatre.repo.url, "Secret")
        assert step["since"]
        await told(theatre, APP, "NotSeen", theatre.repo.url)
        # What is there is there.
        assert (await told(theatre, at(commit), "Live"))["verdict"] == "Live"
    finally:
        away.rename(served)
    assert (await until(lambda: _verdict(theatre, "Live"), what="the source is read again")) == "Live"


async def _verdict(theatre: Theatre, wanted: str) -> str:
    found: str = (await ask(theatre, APP))["trace"]["verdict"]
    return found if found == wanted else ""


async def test_a_commit_of_another_branch_says_which_one_is_followed(theatre: Theatre) -> None:
    await begin(theatre, {"apps/app/a.yaml": config("a", k="1")})
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")}, branch="topic")
    step = await told(
        theatre, at(commit), "NotFollowed", "not on main", f"Merge or push {commit[:12]} to main"
    )
    assert step["verdict"] == "Waiting"
    # Whoever follows that branch is not kept waiting by those who do not.
    await theatre.application(
        "other", source={"targetRevision": "topic", "path": "apps/app"}, namespace="default"
    )
    await until(lambda: _counted(theatre, commit), what="the follower of the branch counts")


async def _counted(theatre: Theatre, commit: str) -> bool:
    found = await ask(theatre, at(commit))
    stages = {step["application"]: step["stage"] for step in found["steps"]}
    return stages == {"fleethub/app": "NotFollowed", "fleethub/other": "Live"} and found["verdict"] == "Live"


async def test_a_commit_beside_the_paths_says_which_are_read(theatre: Theatre) -> None:
    first = await begin(
        theatre, {"apps/app/a.yaml": config("a", k="1"), "apps/two/b.yaml": config("b", k="1")}
    )
    commit = theatre.repo.commit({"apps/two/b.yaml": config("b", k="2")})
    step = await told(theatre, at(commit), "NotConcerned", "changes none of the paths", "apps/app/a.yaml")
    assert step["verdict"] == "NothingToDo"
    assert (await fleethub(theatre, "trace", commit, "--wait")).code == 0
    assert (await ask(theatre, at(first)))["verdict"] == "Live"
    await theatre.application("two")
    await told(theatre, at(commit), "Live")
    assert [step["stage"] for step in (await ask(theatre, at(commit)))["steps"]] == ["Live", "NotConcerned"]


# --- rendered, held ---------------------------------------------------------------------------------------


async def test_a_broken_file_is_named_with_its_line(theatre: Theatre) -> None:
    good = await begin(theatre, {"apps/app/a.yaml": config("a", k="1")})
    commit = theatre.repo.commit({"apps/app/b.yaml": "kind: ConfigMap\nmetadata:\n  name: b\n   data: {}\n"})
    step = await told(theatre, at(commit), "RenderFailed", "apps/app/b.yaml, document 1, line 4", "push")
    assert step["verdict"] == "Failed"
    assert step["since"]
    shown = await fleethub(theatre, "trace", commit, "--wait", code=1)
    assert "apps/app/b.yaml, document 1, line 4" in shown.out
    # A folder that cannot be rendered at all leaves what was live before it live.
    bad = theatre.repo.commit({"apps/app/b.yaml": None, "apps/app/Chart.yaml": "name: x\n"})
    await told(theatre, at(bad), "RenderFailed", "apps/app", "version")
    mended = theatre.repo.commit({"apps/app/Chart.yaml": None, "apps/app/c.yaml": config("c", k="1")})
    for one_of in (good, commit, bad, mended):
        await told(theatre, at(one_of), "Live")


async def test_a_manual_application_is_held_until_somebody_syncs_it(theatre: Theatre) -> None:
    first = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await one(theatre)
    await theatre.application(**MANUAL)
    step = await told(theatre, at(first), "Held", "Manual", "fleethub app sync fleethub/app", cluster="eu")
    assert step["verdict"] == "Waiting"
    await fleethub(theatre, "app", "sync", "app", "--wait", "--timeout", "30s")
    await told(theatre, at(first), "Live", cluster="eu")
    second = theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
    await told(theatre, at(second), "Held", "Manual")
    # The older commit is still what runs.
    step = await told(theatre, at(first), "Live", "a newer commit", second[:12])
    assert step["revision"] == first


async def test_a_paused_cluster_holds_and_says_how_to_resume(theatre: Theatre) -> None:
    await begin(theatre, {"apps/app/a.yaml": config("a", k="1")})
    await theatre.api.patch("Cluster", "eu", names.HUB_NAMESPACE, {"spec": {"paused": True}})
    await theatre.told("app", "Paused")
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
    await told(theatre, at(commit), "Held", "Paused: cluster eu is paused", "fleethub cluster resume eu")
    await fleethub(theatre, "cluster", "resume", "eu")
    await told(theatre, at(commit), "Live")


async def test_a_cluster_in_its_grace_is_held_and_the_label_ends_it(theatre: Theatre) -> None:
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await theatre.register("eu", {"env": "prod"})
    await theatre.start(grace=LONG)
    await theatre.application(placement={"clusterSelector": {"matchLabels": {"env": "prod"}}})
    await theatre.synced(commit=commit)
    await theatre.register("eu", {"env": "dev"})
    step = await told(theatre, APP, "Held", "WithdrawalPending: cluster eu is no longer selected", "label")
    assert step["verdict"] == "Waiting"
    # The commit waits for no departure.
    assert (await ask(theatre, at(commit)))["verdict"] == "Live"
    await theatre.register("eu", {"env": "prod"})
    await until(lambda: _verdict(theatre, "Live"), what="the grace is over")


async def test_what_the_guard_holds_names_the_command(theatre: Theatre) -> None:
    files = {f"apps/app/c{number}.yaml": config(f"c{number}", k="1") for number in range(8)}
    await begin(theatre, files)
    commit = theatre.repo.commit(dict.fromkeys(list(files)[:7]))
    step = await told(
        theatre, at(commit), "Held", "DeletionHeld", "fleethub app confirm fleethub/app", cluster="eu"
    )
    assert step["verdict"] == "Waiting"


async def test_a_project_that_is_not_there_is_final(theatre: Theatre) -> None:
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await one(theatre)
    await theatre.application(project="nobody")
    step = await told(theatre, APP, "Held", "Project nobody", "spec.project")
    assert step["verdict"] == "Failed"
    # Its repository is not read for it; where it is for another one, the commit is held here.
    await theatre.application("other", source={"path": "apps/app"}, namespace="default")
    assert (await told(theatre, at(commit), "Held", "Project nobody"))["application"] == "fleethub/app"
    await told(theatre, at(commit), "Live", cluster="eu")


async def test_a_cluster_that_the_project_bars_is_held_by_its_rule(theatre: Theatre) -> None:
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await theatre.register("us")
    await one(theatre)
    narrow = manifest(
        "Project",
        "narrow",
        names.HUB_NAMESPACE,
        spec={
            "sourceNamespaces": ["*"],
            "sourceRepos": ["*"],
            "destinations": [{"clusters": ["us"], "namespaces": ["*"]}],
        },
    ).replace('"v1"', f'"{names.API_VERSION}"', 1)
    await theatre.api.apply(orjson.loads(narrow))
    await theatre.application(project="narrow")
    step = await told(
        theatre, at(commit), "Held", "ProjectRefused", "narrow", "Have the Project allow", cluster="eu"
    )
    assert step["verdict"] == "Failed"
    await told(theatre, at(commit), "Live", cluster="us")
    steps = (await ask(theatre, at(commit)))["steps"]
    assert [(one_of["cluster"], one_of["stage"]) for one_of in steps] == [("eu", "Held"), ("us", "Live")]


async def test_without_a_cluster_it_is_placed_nowhere(theatre: Theatre) -> None:
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await one(theatre)
    await theatre.application(placement={"clusterSelector": {"matchLabels": {"env": "nowhere"}}})
    await told(theatre, at(commit), "NotPlaced", "no cluster is selected", "spec.placement")
    await theatre.application(placement={"clusters": ["mars"]})
    await told(theatre, at(commit), "NotPlaced", "mars", "fleethub cluster add")


async def test_a_wave_that_waits_names_the_object_and_why_it_is_not_healthy(theatre: Theatre) -> None:
    commit = theatre.repo.commit(
        {"apps/app/0.yaml": deployment("web"), "apps/app/1.yaml": wave(1, "late", data={"k": "1"})}
    )
    await one(theatre)
    await theatre.application()
    await told(
        theatre, at(commit), "Held", "WaveWaits", "Deployment.apps", "web is Progressing:", "kubectl describe"
    )
    await healthy(theatre, "web")
    await told(theatre, at(commit), "Live")


async def test_what_another_application_holds_is_refused_by_its_name(theatre: Theatre) -> None:
    commit = theatre.repo.commit(
        {"apps/app/a.yaml": config("a", k="1"), "apps/two/a.yaml": config("a", k="2")}
    )
    await one(theatre)
    await theatre.application()
    await theatre.synced(commit=commit)
    await theatre.application("two")
    step = await told(
        theatre, "/applications/fleethub/two", "Refused", "ConfigMap", "Application fleethub/app holds"
    )
    assert step["verdict"] == "Failed"


# --- queued -----------------------------------------------------------------------------------------------


class SlowClient(Client):
    """The real door to a member that holds back its applies until it is let go."""

    gate: asyncio.Event

    async def send(self, request: Request) -> Answer:
        """Send, objects of tests not before the gate is open."""
        if request.writes and self.cluster == "eu" and "/configmaps/slow" in request.path:
            await self.gate.wait()
        return await super().send(request)


@pytest.fixture
async def slowed(theatre: Theatre) -> AsyncIterator[asyncio.Event]:
    """A hub whose applies of objects called slow... wait for an event."""
    gate = asyncio.Event()

    def client(connection: Any, cluster: str, budget: Any, permit: Any, observe: Any, clock: Any) -> Client:
        made = SlowClient(
            connection, cluster=cluster, budget=budget, permit=permit, observe=observe, clock=clock
        )
        made.gate = gate
        return made

    await theatre.register("eu")
    await theatre.start(Seams(client=client))
    yield gate
    gate.set()


async def test_a_target_behind_many_says_what_is_in_hand(theatre: Theatre, slowed: asyncio.Event) -> None:
    many = [f"many{number:02}" for number in range(24)]
    theatre.repo.commit({f"apps/{name}/a.yaml": config(f"slow-{name}", k="1") for name in many})
    for name in many:
        await theatre.application(name)

    async def full() -> bool:
        (queue,) = [row for row in (await ask(theatre, "/queue"))["items"] if row["cluster"] == "eu"]
        return bool(queue["running"] == 14 and sum(queue["waiting"].values()) >= 10 and not queue["breaker"])

    await until(full, what="all hands are full")
    queued: dict[str, str] = {}
    for name in many:
        (step,) = (await ask(theatre, f"/applications/fleethub/{name}"))["trace"]["steps"]
        assert (step["stage"], step["cluster"]) == ("Queued", "eu")
        queued[name] = step["text"]
    hands = [name for name, text in queued.items() if text == "it is being applied right now"]
    assert len(hands) == 14
    waiting = [text for name, text in queued.items() if name not in hands]
    assert any(
        "it waits in the lane cold, behind 3 others; in hand now: fleethub/many" in text for text in waiting
    )
    shown = await fleethub(theatre, "trace", next(name for name in many if name not in hands), code=3)
    assert "in hand now: fleethub/many" in shown.out
    slowed.set()
    for name in many:
        await told(theatre, f"/applications/fleethub/{name}", "Live")


# --- on the cluster ---------------------------------------------------------------------------------------


async def test_an_object_that_the_server_refuses_is_named_with_its_field(theatre: Theatre) -> None:
    commit = theatre.repo.commit({"apps/app/web.yaml": deployment("web", replicas=-1)})
    await one(theatre)
    await theatre.application()
    step = await told(
        theatre, at(commit), "Refused", f"Deployment.apps {theatre.namespace}/web", cluster="eu"
    )
    assert step["subject"] == f"Deployment.apps {theatre.namespace}/web spec.replicas"
    assert "has an invalid value" in step["text"]
    assert step["action"] == "Correct spec.replicas in Git and push"
    assert step["verdict"] == "Failed"
    assert step["final"]
    shown = await fleethub(theatre, "trace", commit[:10], "--wait", "--timeout", "60s", code=1)
    assert "spec.replicas" in shown.out
    # The mend is not judged by what it mends.
    mended = theatre.repo.commit({"apps/app/web.yaml": config("web", k="1")})
    assert (await fleethub(theatre, "trace", mended, "--wait", "--timeout", "30s")).code == 0


async def test_a_kind_that_the_cluster_does_not_serve_asks_for_its_crd(theatre: Theatre) -> None:
    group = f"{theatre.namespace}.example.com"
    widget = manifest("Widget", "w", spec={}).replace('"v1"', f'"{group}/v1"', 1)
    commit = theatre.repo.commit({"apps/app/w.yaml": widget})
    await one(theatre)
    await theatre.application()
    await told(theatre, at(commit), "Refused", "Widget", "Install the kind's CRD on eu")
    await theatre.members["eu"].apply(definition(group))
    try:
        await told(theatre, at(commit), "Live")
    finally:
        await theatre.members["eu"].delete("CustomResourceDefinition", f"widgets.{group}")


async def test_a_member_that_went_away_says_since_when_and_only_that(theatre: Theatre) -> None:
    proxy = Proxy(theatre.planes.members["eu"])
    await proxy.start()
    try:
        first = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
        await theatre.register("eu", kubeconfig=proxy.kubeconfig(theatre.folder))
        await theatre.start()
        await theatre.application()
        await theatre.synced(commit=first)
        await proxy.close()
        commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
        for path in (at(commit), at(first), APP):
            step = await told(
                theatre,
                path,
                "ClusterUnreachable",
                "eu does not answer",
                "fleethub cluster get eu",
                cluster="eu",
            )
            assert step["since"]
            assert step["verdict"] == "Waiting"
        (queue,) = [row for row in (await ask(theatre, "/queue"))["items"] if row["cluster"] == "eu"]
        assert queue["breaker"] == "Unreachable"
    finally:
        await theatre.stop()
        await proxy.close()


async def test_a_registration_that_cannot_be_used_is_final(theatre: Theatre) -> None:
    commit = await begin(theatre, {"apps/app/a.yaml": config("a", k="1")})
    broken = theatre.folder / "broken.kubeconfig"
    broken.write_text("clusters: []\n")
    await theatre.register("eu", kubeconfig=broken)
    step = await told(theatre, at(commit), "ClusterUnreachable", "fleethub cluster add eu")
    assert step["verdict"] == "Failed"


async def test_a_deployment_that_is_not_ready_is_applied_and_not_healthy(theatre: Theatre) -> None:
    commit = await begin(theatre, {"apps/app/web.yaml": deployment("web")})
    step = await told(
        theatre,
        at(commit),
        "NotHealthy",
        f"Deployment.apps {theatre.namespace}/web is Progressing: ",
        f"Look at it on eu: kubectl describe deployment.apps web -n {theatre.namespace}",
    )
    assert (step["revision"], step["verdict"]) == (commit, "Waiting")
    waiting = asyncio.ensure_future(fleethub(theatre, "trace", commit, "--wait", "--timeout", "60s"))
    await healthy(theatre, "web")
    assert "Live, 1 of 1 targets live" in (await waiting).out


async def test_who_contests_a_field_is_named(theatre: Theatre) -> None:
    commit = await begin(theatre, {"apps/app/a.yaml": config("a", k="git")})
    member = theatre.members["eu"]

    async def back() -> bool:
        found = await member.get("ConfigMap", "a", theatre.namespace)
        return found is not None and found["data"]["k"] == "git"

    async def rival() -> None:
        while True:
            await until(back, 30, what="it is put back")
            await member.patch("ConfigMap", "a", theatre.namespace, {"data": {"k": "rival"}}, "rival")

    fighting = asyncio.ensure_future(rival())
    try:
        step = await told(
            theatre,
            at(commit),
            "Contested",
            f"ConfigMap {theatre.namespace}/a",
            "data.k",
            "by rival",
            "take these fields",
        )
        assert step["verdict"] == "Waiting"
    finally:
        fighting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await fighting


# --- the command and the API ------------------------------------------------------------------------------


async def test_the_command_ends_as_a_pipeline_needs_it(theatre: Theatre) -> None:
    first = await begin(theatre, {"apps/app/a.yaml": config("a", k="1")})
    shown = await fleethub(theatre, "trace", first, "-o", "json")
    assert orjson.loads(shown.out)["verdict"] == "Live"
    assert (
        orjson.loads((await fleethub(theatre, "trace", "app", "-o", "json")).out)["application"]
        == "fleethub/app"
    )
    assert "verdict: Live" in (await fleethub(theatre, "trace", "fleethub/app", "-o", "yaml")).out


async def test_a_command_that_cannot_be_answered_says_so_by_its_exit_code(theatre: Theatre) -> None:
    first = await begin(theatre, {"apps/app/a.yaml": config("a", k="1")})
    unknown = "0123456789abcdef0123456789abcdef01234567"
    waited = await fleethub(theatre, "trace", unknown, "--wait", "--timeout", "1s", code=4)
    assert "NotSeen" in waited.err
    assert "NotSeen" in waited.out
    await fleethub(theatre, "trace", unknown, "--wait", "--timeout", "0", code=3)
    assert "no Application fleethub/nothing" in (await fleethub(theatre, "trace", "nothing", code=1)).err
    assert "no Application fleethub/abcde" in (await fleethub(theatre, "trace", "abcde", code=1)).err
    await fleethub(theatre, "trace", code=2)
    away = await fleethub(theatre, "trace", first, "--hub-url", "http://127.0.0.1:1", code=1)
    assert "the hub does not answer" in away.err


class Wait:
    """A ``trace --wait`` under way, for a commit that is not pushed yet."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def of(cls, theatre: Theatre, commit: str) -> Wait:
        pipe = asyncio.subprocess.PIPE
        arguments = ("trace", commit, "--wait", "--timeout", "60s")
        return cls(
            await asyncio.create_subprocess_exec(
                *COMMAND, *arguments, env=environment(theatre), stdout=pipe, stderr=pipe
            )
        )

    async def says(self, word: str) -> None:
        """Read what it shows until it says this."""
        assert self._process.stderr is not None
        async with asyncio.timeout(60):
            while word not in (line := (await self._process.stderr.readline()).decode()):
                assert line, f"it ended without saying {word}"

    async def ends(self) -> str:
        """Its answer, once it has ended well."""
        async with asyncio.timeout(60):
            out, err = await self._process.communicate()
        assert self._process.returncode == 0, (out, err)
        return out.decode()


async def unpushed(theatre: Theatre) -> str:
    """A change of the Application that its author has not pushed yet."""
    await begin(theatre, {"apps/app/a.yaml": config("a", k="1")})
    (theatre.repo.folder / "apps/app/a.yaml").write_text(config("a", k="2"))
    return theatre.repo.record()


async def test_waiting_begins_before_the_push_and_ends_when_all_is_live(theatre: Theatre) -> None:
    commit = await unpushed(theatre)
    waiting = await Wait.of(theatre, commit)
    await waiting.says("NotSeen")
    theatre.repo.push("main")
    assert "Live, 1 of 1 targets live" in await waiting.ends()
    found = await theatre.members["eu"].get("ConfigMap", "a", theatre.namespace)
    assert found is not None
    assert found["data"] == {"k": "2"}


async def test_waiting_outlives_a_restart_of_the_hub(theatre: Theatre) -> None:
    commit = await unpushed(theatre)
    waiting = await Wait.of(theatre, commit)
    await waiting.says("NotSeen")
    await theatre.stop()
    await waiting.says("the hub does not answer")
    await theatre.start()
    theatre.repo.push("main")
    assert "Live, 1 of 1 targets live" in await waiting.ends()


async def test_an_application_called_like_a_commit_is_the_application(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/abcdef1/a.yaml": config("a", k="1")})
    await one(theatre)
    await theatre.application("abcdef1")
    await told(theatre, "/applications/fleethub/abcdef1", "Live")
    shown = await fleethub(theatre, "trace", "abcdef1", "-o", "json")
    assert orjson.loads(shown.out)["application"] == "fleethub/abcdef1"


async def test_app_get_shows_what_each_target_waits_for(theatre: Theatre) -> None:
    await begin(theatre, {"apps/app/web.yaml": deployment("web")})
    shown = await fleethub(theatre, "app", "get", "app")
    assert "fleethub/app on eu: NotHealthy since 20" in shown.out
    assert "Look at it on eu: kubectl describe deployment.apps web" in shown.out


async def test_the_api_tells_strangers_nothing_and_names_what_is_no_commit(theatre: Theatre) -> None:
    await begin(theatre, {"apps/app/a.yaml": config("a", k="1")})
    assert (await ask(theatre, "/commits/xyz", status=400))["reason"] == "BadRequest"
    assert (await ask(theatre, "/commits/abc", status=400))["reason"] == "BadRequest"
    assert theatre.running is not None
    async with (
        aiohttp.ClientSession(theatre.running.url) as session,
        session.get(f"/api/v1/commits/{'0' * 40}") as answer,
    ):
        assert answer.status == 401
