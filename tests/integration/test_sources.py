"""Charts and kustomizations on real members: each cluster's own facts, and nothing rendered that did not change."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fleet import names
from fleet.hub.rendering import Rendering
from fleet.worker import worker
from tests.integration.test_cli import fleethub
from tests.stage.api import until
from tests.stage.repository import Repository
from tests.stage.theatre import Theatre, config

CHART = {
    "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
    "charts/web/values.yaml": "size: 1\ncolour: none\n",
    "charts/web/templates/map.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n"
        "data:\n  size: {{ .Values.size | quote }}\n  colour: {{ .Values.colour | quote }}\n"
        "  version: {{ .Capabilities.KubeVersion.Version | quote }}\n  release: {{ .Release.Name }}\n"
    ),
}
BASE = {
    "base/kustomization.yaml": "resources: [map.yaml]\n",
    "base/map.yaml": config("base", colour="grey"),
    "overlay/kustomization.yaml": "resources: [../base]\nnameSuffix: -one\n",
}


async def data(theatre: Theatre, member: str, name: str) -> dict[str, Any]:
    found = await theatre.members[member].get("ConfigMap", name, theatre.namespace)
    return dict((found or {}).get("data") or {})


async def shows(theatre: Theatre, member: str, name: str, **wanted: str) -> None:
    async def look() -> bool:
        found = await data(theatre, member, name)
        return wanted.items() <= found.items()

    try:
        await until(look, 30, what=f"{name} on {member} shows {wanted}")
    except AssertionError as error:
        status = {one["metadata"]["name"]: one.get("status") for one in await theatre.api.list("Application")}
        raise AssertionError(f"{error}: {await data(theatre, member, name)}; {status}") from None


async def test_a_chart_and_a_kustomization_come_out_for_each_clusters_own_facts(theatre: Theatre) -> None:
    for name, colour in (("eu", "blue"), ("us", "red")):
        await theatre.register(name, {"colour": colour})
    theatre.repo.commit({**CHART, **BASE})
    await theatre.start()
    await theatre.application(
        "web",
        source={
            "repoURL": theatre.repo.url,
            "path": "charts/web",
            "helm": {"valuesObject": {"colour": "{{ cluster.labels.colour }}"}},
        },
        overrides=[
            {
                "clusterSelector": {"matchLabels": {"colour": "red"}},
                "helm": {"parameters": [{"name": "size", "value": "3"}]},
            }
        ],
    )
    await theatre.application(
        "overlay",
        source={
            "repoURL": theatre.repo.url,
            "path": "overlay",
            "kustomize": {"commonAnnotations": {"where": "{{ cluster.name }}"}},
        },
    )
    await shows(theatre, "eu", "web", size="1", colour="blue", release="web", version="v1.36.3")
    await shows(theatre, "us", "web", size="3", colour="red")
    await shows(theatre, "eu", "base-one", colour="grey")
    await shows(theatre, "us", "base-one", colour="grey")
    for member in ("eu", "us"):
        found = await theatre.members[member].get("ConfigMap", "base-one", theatre.namespace)
        assert found is not None
        assert found["metadata"]["annotations"]["where"] == member
    await theatre.synced("web")
    status = await theatre.synced("overlay")
    assert status["renderer"] == "kustomize v5.8.1"


async def test_a_commit_reaches_exactly_the_applications_that_read_what_it_changes(theatre: Theatre) -> None:
    await theatre.register("eu", {"colour": "blue"})
    theatre.repo.commit(
        {**CHART, **BASE, "values/one.yaml": "size: 5\n", "other/map.yaml": config("other", k="1")}
    )
    await theatre.start()
    chart = {"path": "charts/web", "helm": {"valueFiles": ["../../values/one.yaml"]}}
    await theatre.application("one", source=chart)
    await theatre.application("overlay", source={"path": "overlay"})
    await theatre.application("other", source={"path": "other"})
    await shows(theatre, "eu", "web", size="5")
    await shows(theatre, "eu", "base-one", colour="grey")
    for name in ("one", "overlay", "other"):
        await theatre.synced(name)
    before = {name: (await theatre.status(name))["revision"] for name in ("one", "overlay", "other")}

    theatre.repo.commit({"base/map.yaml": config("base", colour="green")})
    await shows(theatre, "eu", "base-one", colour="green")
    theatre.repo.commit({"values/one.yaml": "size: 6\n"})
    await shows(theatre, "eu", "web", size="6")
    builds = theatre.hub.cache.builds
    theatre.repo.commit({"nobody/reads.yaml": config("x", k="1"), "base/README.md": "words\n"})
    last = theatre.repo.commit({"charts/web/values.yaml": "size: 1\ncolour: gold\n"})
    await shows(theatre, "eu", "web", size="6", colour="gold")
    await theatre.synced("one", last)
    assert theatre.hub.cache.builds == builds + 1
    after = {name: (await theatre.status(name))["revision"] for name in ("one", "overlay", "other")}
    assert after["other"] == before["other"]
    assert after["overlay"] != before["overlay"]


async def test_a_render_that_fails_for_one_cluster_leaves_what_it_has_and_serves_the_other(
    theatre: Theatre,
) -> None:
    await theatre.register("eu", {"colour": "blue"})
    await theatre.register("us", {"colour": "red"})
    theatre.repo.commit(CHART)
    await theatre.start()
    values = {"valuesObject": {"colour": "{{ cluster.labels.colour }}"}}
    await theatre.application("web", source={"path": "charts/web", "helm": values})
    await shows(theatre, "us", "web", colour="red")
    await theatre.register("us", {"hue": "red"})
    message = await theatre.told("web", "RenderFailed", "on us:", "cluster.labels.colour")
    assert "on eu" not in message
    theatre.repo.commit({"charts/web/values.yaml": "size: 9\ncolour: none\n"})
    await shows(theatre, "eu", "web", size="9", colour="blue")
    assert await data(theatre, "us", "web") == {
        **await data(theatre, "us", "web"),
        "size": "1",
        "colour": "red",
    }
    await theatre.register("us", {"colour": "pink"})
    await shows(theatre, "us", "web", size="9", colour="pink")


async def test_what_another_version_of_a_renderer_makes_waits_until_it_is_accepted(theatre: Theatre) -> None:
    await theatre.register("eu", {"colour": "blue"})
    theatre.repo.commit(CHART)
    await theatre.start()
    await theatre.application("web", source={"path": "charts/web"})
    await shows(theatre, "eu", "web", size="1")
    await theatre.synced("web")
    await theatre.stop()
    eu = theatre.members["eu"]
    (parent,) = await eu.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)
    notes = parent["metadata"]["annotations"]
    assert notes["fleethub.dev/renderer"] == "helm v4.3.1"
    # As an older version would have left it: made of the same inputs, and of another content.
    older = {
        "fleethub.dev/renderer": "helm v4.0.0",
        "fleethub.dev/render": "0" * 32,
        "fleethub.dev/seal": None,
    }
    await eu.patch(
        "ConfigMap", parent["metadata"]["name"], names.MEMBER_NAMESPACE, {"metadata": {"annotations": older}}
    )
    await eu.patch("ConfigMap", "web", theatre.namespace, {"data": {"size": "0"}})
    await theatre.start()
    message = await theatre.told("web", "RendererChanged", "helm v4.0.0", "helm v4.3.1", "app accept")
    assert "ConfigMap" in message
    assert (await data(theatre, "eu", "web"))["size"] == "0"
    done = await fleethub(theatre, "app", "accept", "web")
    assert "Accepted: helm v4.3.1." in done.out
    await shows(theatre, "eu", "web", size="1")
    await theatre.synced("web")


async def test_another_commit_ends_the_wait_for_a_word_by_itself(theatre: Theatre) -> None:
    await theatre.register("eu", {"colour": "blue"})
    theatre.repo.commit(CHART)
    await theatre.start()
    await theatre.application("web", source={"path": "charts/web"})
    await theatre.synced("web")
    await theatre.stop()
    eu = theatre.members["eu"]
    (parent,) = await eu.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)
    older = {
        "fleethub.dev/renderer": "helm v4.0.0",
        "fleethub.dev/render": "0" * 32,
        "fleethub.dev/seal": None,
    }
    await eu.patch(
        "ConfigMap", parent["metadata"]["name"], names.MEMBER_NAMESPACE, {"metadata": {"annotations": older}}
    )
    await theatre.start()
    await theatre.told("web", "RendererChanged")
    theatre.repo.commit({"charts/web/values.yaml": "size: 7\ncolour: none\n"})
    await shows(theatre, "eu", "web", size="7")
    await theatre.synced("web")


async def test_a_chart_that_takes_too_much_is_ended_and_nobody_else_is_delayed(theatre: Theatre) -> None:
    await theatre.register("eu", {"colour": "blue"})
    bomb = '{{- $s := "x" }}{{ range until 40 }}{{ $s = printf "%s%s" $s $s }}{{ end }}a: {{ len $s }}\n'
    hostile = {
        "bad/Chart.yaml": "apiVersion: v2\nname: bad\nversion: 0.1.0\n",
        "bad/templates/a.yaml": bomb,
    }
    theatre.repo.commit({**CHART, **hostile})
    await theatre.start()
    await theatre.application("bad", source={"path": "bad"})
    await theatre.application("web", source={"path": "charts/web"})
    await shows(theatre, "eu", "web", size="1")
    await theatre.told("bad", "RenderFailed", "MiB of memory")


async def test_a_remote_base_is_read_where_the_project_covers_it_and_by_git_alone(theatre: Theatre) -> None:
    await theatre.register("eu", {"colour": "blue"})
    folder = theatre.planes.folder
    bases = Repository(theatre.planes.git, folder / "repositories", f"bases-{theatre.number}", theatre.folder)
    bases.commit(
        {"base/kustomization.yaml": "resources: [map.yaml]\n", "base/map.yaml": config("far", k="1")}
    )
    theatre.repo.commit(
        {"app/kustomization.yaml": f"resources: ['{bases.url}//base?ref=main']\nnameSuffix: -x\n"}
    )
    await theatre.api.apply(
        {
            "apiVersion": names.API_VERSION,
            "kind": "Project",
            "metadata": {"name": "team", "namespace": names.HUB_NAMESPACE},
            "spec": {
                "sourceNamespaces": [names.HUB_NAMESPACE],
                "sourceRepos": [theatre.repo.url],
                "destinations": [{"clusters": ["*"], "namespaces": ["*"]}],
            },
        }
    )
    await theatre.start()
    await theatre.application("app", source={"path": "app"}, project="team")
    await theatre.told("app", "RenderFailed", "sourceRepos", "bases")
    await theatre.api.patch(
        "Project", "team", names.HUB_NAMESPACE, {"spec": {"sourceRepos": [theatre.repo.url, bases.url]}}
    )
    await shows(theatre, "eu", "far-x", k="1")
    bases.commit({"base/map.yaml": config("far", k="2")})
    await shows(theatre, "eu", "far-x", k="2")


async def test_a_cluster_that_is_reached_while_a_chart_renders_gets_what_it_gives(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()
    render, connect = Rendering._one, worker.connect

    async def slowly(self: Rendering, *asked: Any) -> Any:
        """Not before the cluster is known, which was not when this began."""
        if not asked[-1].kube_version:
            begun.set()
            await until(lambda: reached(theatre), what="eu is reached")
        return await render(self, *asked)

    async def later(name: str, *given: Any, **more: Any) -> Any:
        if name == "eu":
            await begun.wait()
        return await connect(name, *given, **more)

    monkeypatch.setattr(Rendering, "_one", slowly)
    monkeypatch.setattr(worker, "connect", later)
    await theatre.register("eu")
    theatre.repo.commit(CHART)
    await theatre.application("web", source={"repoURL": theatre.repo.url, "path": "charts/web"})
    await theatre.start()
    await shows(theatre, "eu", "web", size="1", version="v1.36.3")


async def reached(theatre: Theatre) -> bool:
    hub = theatre.running.hub if theatre.running is not None else None
    return hub is not None and bool(hub.capabilities._last.get("eu"))


async def test_a_commit_that_finds_a_cluster_away_for_a_moment_is_rendered_for_it_when_it_is_back(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while a credential is renewed: ``fleet.hub.hub.Hub.learned`` wakes whoever waits for what it serves."""
    connect, back = worker.connect, asyncio.Event()
    back.set()

    async def later(name: str, *given: Any, **more: Any) -> Any:
        await back.wait()
        return await connect(name, *given, **more)

    monkeypatch.setattr(worker, "connect", later)
    await theatre.register("eu")
    theatre.repo.commit(CHART)
    await theatre.application("web", source={"repoURL": theatre.repo.url, "path": "charts/web"})
    await theatre.start()
    await shows(theatre, "eu", "web", size="1")
    await theatre.synced("web")
    back.clear()
    eu = theatre.hub.roster.get("eu")
    assert eu is not None
    eu.reconnect()

    async def away() -> bool:
        return theatre.hub.capabilities.of("eu") is None

    async def waits() -> bool:
        return bool(theatre.hub.unready.at("eu"))

    await until(away, what="eu is away")
    theatre.repo.commit({"charts/web/values.yaml": "size: 2\ncolour: none\n"})
    await until(waits, what="the commit is rendered for nobody")
    back.set()
    await shows(theatre, "eu", "web", size="2")
