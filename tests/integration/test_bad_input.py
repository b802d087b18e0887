"""What is wrong is said where it belongs, hurts nothing else, and is over as soon as it is mended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bootstrap.local import gitserver
from fleet import names
from tests.stage.api import until
from tests.stage.theatre import Theatre, config, definition, deployment, join, manifest, manifest_of


async def one(theatre: Theatre) -> None:
    """One member and a hub."""
    await theatre.register("eu")
    await theatre.start()


async def live(theatre: Theatre, kind: str, name: str) -> dict[str, Any] | None:
    return await theatre.members["eu"].get(kind, name, theatre.namespace)


async def on_cluster(theatre: Theatre, name: str, kind: str, *words: str) -> str:
    """Wait for a condition of a Cluster with these words; its message."""
    last: Any = None

    async def look() -> str | None:
        nonlocal last
        last = await theatre.api.get("Cluster", name, names.HUB_NAMESPACE)
        for condition in ((last or {}).get("status") or {}).get("conditions", ()):
            if condition["type"] == kind and all(
                word in f"{condition['status']} {condition['reason']} {condition['message']}"
                for word in words
            ):
                return str(condition["message"]) or " "
        return None

    try:
        message: str = await until(look)
    except AssertionError:
        raise AssertionError(f"Cluster {name} does not say {kind} {words}: {last}") from None
    return message


async def test_an_unknown_repository_is_said_and_found_once_it_is_there(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="v"), "apps/lost/b.yaml": config("b", k="v")})
    await one(theatre)
    name = f"later-{theatre.number}"
    await theatre.application("lost", source={"repoURL": f"{theatre.planes.git.url}/{name}.git"})
    await theatre.application()
    await theatre.synced()
    await theatre.told("lost", "RenderFailed", "no such repository")
    gitserver.create_repository(theatre.planes.folder / "repositories", name)
    theatre.repo.send_to(f"{theatre.planes.git.url}/{name}.git")
    await theatre.synced("lost")
    await theatre.everywhere("ConfigMap", "b", ("eu",))


async def test_a_missing_path_is_said_and_read_once_it_is_there(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/other/a.yaml": config("a", k="v")})
    await one(theatre)
    await theatre.application()
    message = await theatre.told("app", "RenderFailed", "apps/app")
    assert theatre.repo.head()[:7] in message
    commit = theatre.repo.commit({"apps/app/a.yaml": config("a", k="v")})
    await theatre.synced(commit=commit)


async def test_a_missing_namespace_is_said_and_used_once_it_is_there(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="v")})
    await one(theatre)
    name = f"{theatre.namespace}-later"
    await theatre.application(namespace=name)
    await theatre.told("app", "SyncFailed", f"namespace {name} does not exist")
    await theatre.members["eu"].apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    await theatre.synced()
    assert await theatre.members["eu"].get("ConfigMap", "a", name)


async def test_a_path_that_disappears_removes_nothing(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="v")})
    await one(theatre)
    await theatre.application()
    await theatre.synced()
    theatre.repo.commit({"apps/app/a.yaml": None})
    await theatre.told("app", "RenderFailed", "apps/app")
    assert await live(theatre, "ConfigMap", "a")
    # The last good state is kept, not only left.
    await theatre.members["eu"].delete("ConfigMap", "a", theatre.namespace)
    await theatre.everywhere("ConfigMap", "a", ("eu",))


async def test_a_missing_branch_is_said_and_followed_once_it_is_there(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="v")})
    await one(theatre)
    await theatre.application(source={"targetRevision": "release"})
    await theatre.told("app", "RenderFailed", "release")
    theatre.repo.push("release")
    await theatre.synced()


async def test_a_branch_that_disappears_leaves_what_it_brought(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="v")}, branch="release")
    theatre.repo.push("main")
    await one(theatre)
    await theatre.application(source={"targetRevision": "release"})
    await theatre.synced()
    theatre.repo.push("release", delete=True)
    await theatre.told("app", "RenderFailed", "release")
    assert await live(theatre, "ConfigMap", "a")


async def test_a_rewritten_branch_is_followed_and_nothing_is_lost(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="1"), "apps/app/b.yaml": config("b", k="1")})
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
    await one(theatre)
    await theatre.application()
    await theatre.synced()
    before = await live(theatre, "ConfigMap", "a")
    assert before
    commit = theatre.repo.rewrite({"apps/app/a.yaml": config("a", k="3"), "apps/app/c.yaml": config("c")})
    await theatre.synced(commit=commit)
    after = await live(theatre, "ConfigMap", "a")
    assert after
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["data"] == {"k": "3"}
    await theatre.nowhere("ConfigMap", "b")
    # A hub that starts now knows the old commit from nowhere.
    await theatre.stop()
    await theatre.start()
    later = theatre.repo.commit({"apps/app/a.yaml": config("a", k="4")})
    await theatre.synced(commit=later)


async def test_a_branch_set_back_is_followed_once_it_has_stood_there(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.world.repositories.BACKWARD_WAIT", 0.7)
    first = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    second = theatre.repo.commit({"apps/app/b.yaml": config("b", k="1")})
    await one(theatre)
    await theatre.application()
    await theatre.synced(commit=second)
    theatre.repo.reset(first)
    await theatre.synced(commit=first)
    await theatre.nowhere("ConfigMap", "b")
    assert await live(theatre, "ConfigMap", "a")


async def test_a_file_that_does_not_parse_holds_back_itself_and_all_pruning(theatre: Theatre) -> None:
    theatre.repo.commit(
        {
            "apps/app/a.yaml": config("a", k="1"),
            "apps/app/b.yaml": config("b", k="1"),
            "apps/app/old.yaml": config("old", k="1"),
        }
    )
    await one(theatre)
    await theatre.application()
    await theatre.synced()
    theatre.repo.commit(
        {
            "apps/app/a.yaml": config("a", k="2"),
            "apps/app/b.yaml": "kind: ConfigMap\n  metadata: {name: b\n",
            "apps/app/old.yaml": None,
        }
    )
    await theatre.told("app", "RenderFailed", "apps/app/b.yaml")
    await theatre.told("app", "PruneWaits")

    async def changed() -> bool:
        found = await live(theatre, "ConfigMap", "a")
        return bool(found and found["data"] == {"k": "2"})

    await until(changed, what="the good file is applied")
    assert await live(theatre, "ConfigMap", "b")
    assert await live(theatre, "ConfigMap", "old")
    commit = theatre.repo.commit({"apps/app/b.yaml": config("b", k="2")})
    await theatre.synced(commit=commit)
    await theatre.nowhere("ConfigMap", "old")
    assert not await theatre.condition("app", "RenderFailed")


async def test_manifests_without_kind_or_name_are_refused_by_file(theatre: Theatre) -> None:
    theatre.repo.commit(
        {
            "apps/app/good.yaml": config("good", k="v"),
            "apps/app/kindless.yaml": "apiVersion: v1\nmetadata: {name: x}\n",
            "apps/app/nameless.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n",
        }
    )
    await one(theatre)
    await theatre.application()
    await theatre.told(
        "app", "RenderFailed", "apps/app/kindless.yaml", "kind", "apps/app/nameless.yaml", "name"
    )
    await theatre.everywhere("ConfigMap", "good", ("eu",))


async def test_a_kind_that_the_cluster_lacks_waits_until_it_is_served(theatre: Theatre) -> None:
    group = f"late{theatre.number}.test"
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 1}}
    theatre.repo.commit({"apps/app/w.yaml": manifest_of(widget), "apps/app/a.yaml": config("a", k="v")})
    await one(theatre)
    await theatre.application()
    await theatre.told("app", "SyncFailed", f"Widget.{group}", "does not serve")
    await theatre.everywhere("ConfigMap", "a", ("eu",))
    member = theatre.members["eu"]
    await member.apply(definition(group))
    try:
        await theatre.synced()
        found = await member.get(f"widgets.{group}", "w", theatre.namespace)
        assert found
        assert found["spec"] == {"size": 1}
    finally:
        await theatre.stop()
        await member.delete("CustomResourceDefinition", f"widgets.{group}")


async def test_a_value_of_the_wrong_type_is_named_by_object_and_field_never_by_value(
    theatre: Theatre,
) -> None:
    theatre.repo.commit(
        {
            "apps/app/good.yaml": config("good", k="v"),
            "apps/app/web.yaml": deployment("web").replace('"replicas":2', '"replicas":"hunter2"'),
            "apps/app/numbers.yaml": manifest("ConfigMap", "numbers", data={"pin": 471152}),
        }
    )
    await one(theatre)
    await theatre.application()
    message = await theatre.told(
        "app", "SyncFailed", f"Deployment.apps {theatre.namespace}/web", "replicas", "data.pin"
    )
    assert "hunter2" not in message
    assert "471152" not in message
    await theatre.everywhere("ConfigMap", "good", ("eu",))
    events = await theatre.api.list("Event", names.HUB_NAMESPACE)
    assert not [event for event in events if "hunter2" in event["message"] or "471152" in event["message"]]
    commit = theatre.repo.commit(
        {"apps/app/web.yaml": deployment("web"), "apps/app/numbers.yaml": config("numbers", pin="471152")}
    )
    await theatre.synced(commit=commit)


async def test_a_rejected_object_stays_as_it_was_and_nothing_is_pruned_meanwhile(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/app/web.yaml": deployment("web"), "apps/app/old.yaml": config("old", k="v")})
    await one(theatre)
    await theatre.application()
    await theatre.synced()
    broken = deployment("web").replace('"image":"nginx:1.27"', '"imagePullPolicy":"Sometimes","image":"i"')
    theatre.repo.commit({"apps/app/web.yaml": broken, "apps/app/old.yaml": None})
    await theatre.told("app", "SyncFailed", "imagePullPolicy")
    await theatre.told("app", "PruneWaits", f"{theatre.namespace}/web")
    assert await live(theatre, "ConfigMap", "old")
    found = await live(theatre, "Deployment", "web")
    assert found
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:1.27"


async def test_a_kubeconfig_that_is_none_is_said_on_its_cluster_alone(
    theatre: Theatre, tmp_path: Path
) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="v")})
    wrong = tmp_path / "kubeconfig"
    wrong.write_text("users: [{token: s3cr3t\n - nonsense")
    await theatre.register("us", kubeconfig=wrong)
    await one(theatre)
    await theatre.application()
    await theatre.everywhere("ConfigMap", "a", ("eu",))
    message = await on_cluster(theatre, "us", "Ready", "False", "kubeconfig")
    assert "s3cr3t" not in message
    await on_cluster(theatre, "eu", "Ready", "True")
    await theatre.register("us")
    await on_cluster(theatre, "us", "Ready", "True")
    await theatre.everywhere("ConfigMap", "a")
    await theatre.synced()


async def test_a_git_server_that_is_gone_leaves_the_last_good_state_in_force(theatre: Theatre) -> None:
    first = theatre.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await one(theatre)
    await theatre.application()
    await theatre.synced(commit=first)
    theatre.planes.git.stop()
    try:
        await theatre.told("app", "RenderFailed", "could not be reached")
        # Drift is put back all the same.
        await theatre.members["eu"].delete("ConfigMap", "a", theatre.namespace)
        await theatre.everywhere("ConfigMap", "a", ("eu",))
        status = await theatre.status()
        assert (status["sync"], status["revision"]) == ("Synced", first)
    finally:
        theatre.planes.git.start()
    second = theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
    await theatre.synced(commit=second)

    async def quiet() -> bool:
        return await theatre.condition("app", "RenderFailed") is None

    await until(quiet, what="the condition is gone")


async def test_no_application_may_hold_the_hubs_own_inventory(theatre: Theatre) -> None:
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="v")})
    await one(theatre)
    await theatre.application()
    await theatre.synced()
    member = theatre.members["eu"]
    (parent,) = await member.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)
    grab = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": parent["metadata"]["name"], "namespace": names.MEMBER_NAMESPACE},
        "data": {"mine": "now"},
    }
    labelled = manifest("ConfigMap", "fake", metadata={"labels": {names.APPLYSET_ID: "applyset-x-v1"}})
    key = manifest("Secret", names.DIGEST_KEY_SECRET, names.MEMBER_NAMESPACE, data={"key": "YQ=="})
    theatre.repo.commit({"apps/app/grab.yaml": join(manifest_of(grab), labelled, key)})
    await theatre.told("app", "SyncFailed", parent["metadata"]["name"], "inventory", "fake")
    (after,) = await member.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)
    assert "data" not in after
    assert not await live(theatre, "ConfigMap", "fake")


async def test_a_child_that_is_no_application_is_refused_and_the_others_are_made(theatre: Theatre) -> None:
    theatre.repo.commit(
        {
            "apps/good/a.yaml": config("a", k="v"),
            "root/good.yaml": child(theatre, "good"),
            "root/unknown.yaml": child(theatre, "unknown", autoSync=True),
            "root/placeless.yaml": child(theatre, "placeless", placement={"clusters": [], "hub": False}),
            "root/twice.yaml": child(theatre, "twice", destination={"name": "eu"}),
            "root/config.yaml": config("stray", k="v"),
        }
    )
    await one(theatre)
    await theatre.application("root", placement={"hub": True}, source={"path": "root"})
    await theatre.synced("good")
    await theatre.told("root", "InvalidSpec", "root/unknown.yaml", "autoSync", "root/twice.yaml", "placement")
    await theatre.told("root", "SyncFailed", f"ConfigMap {theatre.namespace}/stray")
    assert not await theatre.api.get("Application", "unknown", names.HUB_NAMESPACE)
    assert not await theatre.api.get("Application", "twice", names.HUB_NAMESPACE)
    # What was good stays, though its file is bad now.
    theatre.repo.commit({"root/good.yaml": child(theatre, "good", autoSync=True)})
    await theatre.told("root", "InvalidSpec", "Application.fleethub.dev fleethub/good")
    assert await theatre.api.get("Application", "good", names.HUB_NAMESPACE)
    assert await live(theatre, "ConfigMap", "a")


def child(theatre: Theatre, name: str, **spec: Any) -> str:
    """An Application's manifest, of this test's repository."""
    body: dict[str, Any] = {
        "source": {"repoURL": theatre.repo.url, "targetRevision": "main", "path": f"apps/{name}"},
        "placement": {"clusterSelector": {}},
        "namespace": theatre.namespace,
        "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        **spec,
    }
    return manifest("Application", name, names.HUB_NAMESPACE, spec=body)
