"""Charts and kustomizations on real members: each cluster's own facts, and nothing rendered that did not change."""

from __future__ import annotations

from typing import Any

from tests.stage.api import until
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
    for member in ("eu", "us"):
        found = await theatre.members[member].get("ConfigMap", "base-one", theatre.namespace)
        assert found is not None
        assert found["metadata"]["annotations"]["where"] == member
    await theatre.synced("web")
    status = await theatre.synced("overlay")
    assert status["renderer"] == "kustomize v5.8.1"
