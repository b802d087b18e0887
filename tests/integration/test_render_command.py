"""`fleethub render` and `app explain`: what a team sees before it commits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fleet import names
from tests.integration.test_cli import Done, fleethub
from tests.stage.api import until
from tests.stage.repository import ENVIRONMENT
from tests.stage.theatre import Theatre

FILES = {
    "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
    "charts/web/values.yaml": "size: 1\n",
    "charts/web/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {size: {{ .Values.size | quote }}}\n",
    "charts/web/templates/b.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: later}\n",
    "base/kustomization.yaml": "resources: [map.yaml]\n",
    "base/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: base}\n",
    "overlay/kustomization.yaml": "resources: [../base]\nnameSuffix: -x\n",
    "plain/role.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\nrules: []\n",
    "envs/prod/apps.yaml": """
apiVersion: fleethub.dev/v1alpha1
kind: Application
metadata: {name: web}
spec:
  source:
    repoURL: https://git.example/acme/deploy
    path: charts/web
    helm: {parameters: [{name: size, value: "{{ cluster.labels.size }}"}]}
  placement: {clusterSelector: {}}
  namespace: shop
---
apiVersion: fleethub.dev/v1alpha1
kind: Application
metadata: {name: overlay}
spec:
  source: {repoURL: https://git.example/acme/deploy, path: overlay}
  placement: {clusterSelector: {}}
  overrides:
  - clusterSelector: {matchLabels: {env: lab}}
    skip: true
""",
    "eu.yaml": "name: eu\nlabels: {size: '3'}\nversion: v1.35.0\n",
    "lab.yaml": "name: lab\nlabels: {size: '1', env: lab}\n",
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "remote", "add", "origin", "https://git.example/acme/deploy.git")
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, env=ENVIRONMENT)


def render(folder: Path, *arguments: str, code: int = 0) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "fleet.cli", "render", *arguments],
        cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "KUBECONFIG": "/nonexistent"},
    )  # fmt: skip
    found = Done(done.returncode, done.stdout, done.stderr)
    assert found.code == code, found
    return found


def test_a_folder_that_nobody_has_committed_is_printed_in_the_order_of_applying(clone: Path) -> None:
    done = render(clone, "--path", "charts/web", "--show-source", "--namespace", "shop")
    documents = done.out.split("---\n")[1:]
    assert "kind: Namespace" in documents[0]
    assert documents[0].startswith("# Source: charts/web/templates/b.yaml")
    assert "namespace: shop" in documents[1]
    assert render(clone, "--path", "plain", "-o", "names").out == "ClusterRole.rbac.authorization.k8s.io r\n"
    listed = json.loads(render(clone, "--path", "overlay", "-o", "json").out)
    assert [one["metadata"]["name"] for one in listed["items"]] == ["base-x"]


def test_every_application_of_an_app_of_apps_is_rendered_for_the_facts_of_a_file(clone: Path) -> None:
    done = render(clone, "--all", "envs/prod", "--facts", "eu.yaml")
    assert 'size: "3"' in done.out
    assert "name: base-x" in done.out
    lab = render(clone, "--all", "envs/prod", "--facts", "lab.yaml", "-o", "names")
    assert lab.out == "Namespace later\nConfigMap shop/web\n"
    assert "overlay: an override skips lab" in lab.err
    one = render(clone, "--app", "envs/prod/apps.yaml", "--facts", "eu.yaml", "-o", "names")
    assert one.out == "Namespace later\nConfigMap shop/web\nConfigMap default/base-x\n"


def test_whatever_is_wrong_is_named_by_file_and_line_and_the_rest_is_printed(clone: Path) -> None:
    done = render(clone, "--all", "envs/prod", "-o", "names", code=1)
    assert "cluster local has no cluster.labels.size" in done.err
    assert "ConfigMap default/base-x" in done.out
    (clone / "charts/web/templates/a.yaml").write_text('{{ fail "stop" }}')
    assert "charts/web/templates/a.yaml:1:3" in render(clone, "--path", "charts/web", code=1).err
    (clone / "plain/role.yaml").write_text("kind: [\n")
    assert "plain/role.yaml, document 1, line" in render(clone, "--path", "plain", code=1).err
    (clone / "envs/prod/apps.yaml").write_text(
        "apiVersion: fleethub.dev/v1alpha1\nkind: Application\nmetadata: {name: x}\nspec: {nope: 1}\n"
    )
    assert (
        "envs/prod/apps.yaml, document 1, line 1: spec.nope"
        in render(clone, "--app", "envs/prod/apps.yaml", code=1).err
    )
    assert "spec.nope: unknown field" in render(clone, "--all", "envs/prod", code=1).err
    assert "is not in the" in render(clone, "--path", "none", code=1).err
    assert "exactly one of" in render(clone, code=2).err
    (clone / "eu.yaml").write_text("colour: red\n")
    assert "unknown fact colour" in render(clone, "--path", "overlay", "--facts", "eu.yaml", code=2).err


def test_a_revision_of_the_clone_is_rendered_as_it_was(clone: Path) -> None:
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "first")
    (clone / "base/map.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: changed}\n")
    assert "base-x" in render(clone, "--path", "overlay", "--revision", "HEAD", "-o", "names").out
    assert "changed-x" in render(clone, "--path", "overlay", "-o", "names").out
    assert "no revision nope" in render(clone, "--path", "overlay", "--revision", "nope", code=1).err


async def test_app_explain_says_where_each_value_came_from(theatre: Theatre) -> None:
    await theatre.register("eu", {"region": "eu"})
    theatre.repo.commit({f"{name}": text for name, text in FILES.items() if name.startswith("charts")})
    await theatre.start()
    await theatre.application(
        "web",
        source={
            "path": "charts/web",
            "helm": {"valuesObject": {"size": 2, "zone": "{{ cluster.labels.region }}"}},
        },
        overrides=[
            {
                "clusterSelector": {"matchLabels": {"region": "eu"}},
                "helm": {"parameters": [{"name": "size", "value": "5"}]},
            }
        ],
    )
    await theatre.synced("web")

    async def registered() -> bool:
        return await theatre.api.get("Cluster", "eu", names.HUB_NAMESPACE) is not None

    await until(registered, what="the Cluster is there")
    told: Any = (await fleethub(theatre, "app", "explain", "web", "eu", "-o", "json")).json
    values = {one["field"]: (one["value"], one["from"]) for one in told["values"]}
    assert values["values.size"] == ("5", "spec.overrides[0].helm.parameters")
    assert values["values.zone"] == ("eu", "spec.source.helm.valuesObject")
    assert told["overrides"] == [{"index": 0, "selector": "region=eu"}]
    shown = await fleethub(theatre, "app", "explain", "web", "eu")
    assert "overrides[0] (region=eu)" in shown.out
