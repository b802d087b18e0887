"""Kustomizations come out as the real program makes them, and their key holds what was read and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleet.errors import FleetError, LinkRefused, PathNotFound, SourceError
from fleet.render.ground import RemoteFolder, Unfetched
from fleet.render.kustomize import options, remote
from fleet.render.kustomize.references import KustomizationRefused
from fleet.render.kustomize.remote import RemoteRefused
from fleet.render.kustomize.renderer import RenderFailed
from fleet.render.source import Kustomize, Patch, Replicas
from tests.unit.render.oracle import Bench, Files, kustomize, lay, objects, source
from tests.unit.render.render_repository import Link

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:1.25
        env: [{name: BIG, value: "9007199254740993"}, {name: OCTAL, value: "0644"}]
        envFrom: [{configMapRef: {name: settings}}]
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
CRONTAB = "apiVersion: stable.example/v1\nkind: CronTab\nmetadata: {name: tab}\nspec: {mode: 0644, big: 9007199254740993}\n"
FILES: dict[str, str | bytes] = {
    "base/kustomization.yaml": "resources: [deployment.yaml, service.yaml]\n"
    "configMapGenerator:\n- name: settings\n  files: [app.conf, other=more/other.conf]\n  envs: [app.env]\n  literals: [a=b]\n",
    "base/deployment.yaml": DEPLOYMENT,
    "base/service.yaml": SERVICE,
    "base/app.conf": "colour=blue\n",
    "base/more/other.conf": "x\n",
    "base/app.env": "KEY=value\n",
    "second/kustomization.yml": "resources: [tab.yaml]\nnamespace: tabs\n",
    "second/tab.yaml": CRONTAB,
    "parts/scaled/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    "patches:\n- path: scale.yaml\n",
    "parts/scaled/scale.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 4}\n",
    "overlay/kustomization.yaml": """
resources: [../base, ../second, extra.yaml]
components: [../parts/scaled]
namePrefix: prod-
labels: [{pairs: {env: prod}, includeSelectors: true}]
images: [{name: nginx, newTag: "1.27"}]
secretGenerator:
- name: token
  literals: [token=abc]
  options: {disableNameSuffixHash: true, labels: {made: here}}
generatorOptions: {annotations: {made: yes-it-is}}
patches:
- path: patch.yaml
- target: {kind: Service}
  patch: |-
    - op: replace
      path: /spec/ports/0/port
      value: 8080
patchesJson6902:
- target: {version: v1, kind: ConfigMap, name: extra}
  path: six.json
patchesStrategicMerge:
- |-
  apiVersion: v1
  kind: ConfigMap
  metadata: {name: extra}
  data: {inline: "yes"}
replacements:
- path: replace.yaml
configurations: [names.yaml]
""",
    "overlay/extra.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {a: b, port: none}\n",
    "overlay/patch.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {hostNetwork: true}}}\n",
    "overlay/six.json": '[{"op": "add", "path": "/data/six", "value": "6902"}]',
    "overlay/replace.yaml": "source: {kind: Service, name: web, fieldPath: metadata.name}\n"
    "targets: [{select: {kind: ConfigMap, name: extra}, fieldPaths: [data.port]}]\n",
    "overlay/names.yaml": "nameReference: []\n",
    "nobody/reads.yaml": "a: b\n",
    "overlay/unused.yaml": "a: b\n",
}


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def one(text: str, **more: str) -> Files:
    return {"app/kustomization.yaml": text, **more}


def test_bases_components_generators_patches_and_replacements_come_out_as_kustomize_makes_them(
    bench: Bench, tmp_path: Path
) -> None:
    made = bench.render(FILES, source("overlay"))
    assert objects(made) == kustomize(lay(FILES, tmp_path), "overlay")
    assert made.renderer == "kustomize v5.8.1"
    assert {m.origin.path for m in made.manifests} == {
        "base/deployment.yaml", "base/service.yaml", "base/kustomization.yaml", "second/tab.yaml",
        "overlay/extra.yaml", "overlay/kustomization.yaml",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["base", "second", "parts/../overlay"])
def test_each_folder_comes_out_as_kustomize_makes_it(bench: Bench, tmp_path: Path, path: str) -> None:
    assert objects(bench.render(FILES, source(path))) == kustomize(lay(FILES, tmp_path), path)


def test_exactly_what_was_read_is_in_the_key(bench: Bench) -> None:
    before = bench.render(FILES, source("overlay"))
    paths = {read.path for read in before.reads}
    for name in sorted(FILES):
        after = bench.render({**FILES, name: f"{FILES[name]!s}\n"}, source("overlay"))
        concerned = not name.startswith("nobody") and name != "overlay/unused.yaml"
        assert (after.key != before.key) is concerned, name
        assert (name in paths) is concerned, name


OPTIONS = Kustomize(
    name_prefix="a-",
    name_suffix="-z",
    namespace="shop",
    images=("nginx=registry.example/nginx:9", "redis@sha256:" + "a" * 64),
    replicas=(Replicas("web", 7),),
    common_labels=(("team", "shop"),),
    common_annotations=(("owner", "me"),),
    patches=(
        Patch(
            patch="- op: add\n  path: /metadata/annotations/patched\n  value: by-hand\n",
            target='{"kind": "Deployment"}',
        ),
        Patch(path="more.yaml"),
    ),
    components=("../parts/scaled",),
)
EDITED = """
resources: [../base]
namePrefix: a-
nameSuffix: -z
namespace: shop
images: [{name: nginx, newName: registry.example/nginx, newTag: "9"}, {name: redis, digest: "sha256:%s"}]
replicas: [{name: web, count: 7}]
commonLabels: {team: shop}
commonAnnotations: {owner: me}
components: [../parts/scaled]
patches:
- target: {kind: Deployment}
  patch: "- op: add\\n  path: /metadata/annotations/patched\\n  value: by-hand\\n"
- path: more.yaml
""" % ("a" * 64)
MORE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: NodePort}\n"


def test_an_applications_options_are_what_a_hand_would_edit_into_the_file(
    bench: Bench, tmp_path: Path
) -> None:
    files = {**FILES, "app/kustomization.yaml": "resources: [../base]\n", "app/more.yaml": MORE}
    made = bench.render(files, source("app", kustomize=OPTIONS))
    assert objects(made) == kustomize(lay({**files, "app/kustomization.yaml": EDITED}, tmp_path), "app")


def test_labels_may_stay_out_of_selectors(bench: Bench, tmp_path: Path) -> None:
    files = {**FILES, "app/kustomization.yaml": "resources: [../base]\n"}
    given = Kustomize(common_labels=(("t", "1"),), label_without_selector=True, label_include_templates=True)
    edited = "resources: [../base]\nlabels: [{pairs: {t: '1'}, includeTemplates: true}]\n"
    made = bench.render(files, source("app", kustomize=given))
    assert objects(made) == kustomize(lay({**files, "app/kustomization.yaml": edited}, tmp_path), "app")


def test_a_component_that_is_missing_is_an_error_or_is_passed_over(bench: Bench) -> None:
    files = {**FILES, "app/kustomization.yaml": "resources: [../base]\n"}
    with pytest.raises(PathNotFound, match="parts/none"):
        bench.render(files, source("app", kustomize=Kustomize(components=("../parts/none",))))
    given = Kustomize(components=("../parts/none",), ignore_missing_components=True)
    assert objects(bench.render(files, source("app", kustomize=given)))


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("nginx:1", {"name": "nginx", "newTag": "1"}),
        ("nginx=reg/nginx:1", {"name": "nginx", "newName": "reg/nginx", "newTag": "1"}),
        ("nginx=nginx:1", {"name": "nginx", "newTag": "1"}),
        ("reg:5000/a/b", {"name": "reg:5000/a/b"}),
        ("a=reg:5000/b@sha256:1", {"name": "a", "newName": "reg:5000/b", "digest": "sha256:1"}),
        ("a=*:2", {"name": "a", "newTag": "2"}),
    ],
)
def test_images_are_read_as_kustomize_edit_reads_them(text: str, entry: dict[str, str]) -> None:
    assert options.image(text) == entry


def test_links_inside_the_repository_are_followed(bench: Bench, tmp_path: Path) -> None:
    files: dict[str, Any] = {
        **FILES,
        "app/kustomization.yaml": "resources: [linked, map.yaml]\n",
        "app/linked": Link("../base"),
        "app/map.yaml": Link("../overlay/extra.yaml"),
    }
    plain = {**FILES, "app/kustomization.yaml": "resources: [../base, ../overlay/extra.yaml]\n"}
    made = bench.render(files, source("app"))
    assert objects(made) == kustomize(
        lay(plain, tmp_path), "app", "--load-restrictor", "LoadRestrictionsNone"
    )
    moved = bench.render({**files, "app/map.yaml": Link("../second/tab.yaml")}, source("app"))
    assert moved.key != made.key


@pytest.mark.parametrize(
    ("files", "error", "words"),
    [
        (one("resources: [/etc/passwd]"), KustomizationRefused, r"app/kustomization.yaml: resources\[0\]"),
        (one("configMapGenerator: [{name: a, files: [/etc/passwd]}]"), KustomizationRefused, "files"),
        (one("configMapGenerator: [{name: a, files: [k=../../../etc/passwd]}]"), PathNotFound, "leaves the repository"),
        (one("resources: [l.yaml]", **{"app/l.yaml": Link("../../../../etc/passwd")}), LinkRefused, "leaves"),
        (one("resources: [l.yaml]", **{"app/l.yaml": Link("/etc/passwd")}), LinkRefused, "leaves"),
        (one("resources: [nope.yaml]"), PathNotFound, r"app/kustomization.yaml: resources\[0\]: app/nope.yaml is not"),
        (one("resources: [../app]"), SourceError, "turns in a circle"),
        (one("resources: [http://evil.example/x.yaml]"), RemoteRefused, "a single file"),
        (one("resources: ['https://evil.example/x.yaml']"), RemoteRefused, "a single file"),
        (one("resources: ['file:///etc/passwd']"), RemoteRefused, "file://"),
        (one("crds: ['https://evil.example/x.yaml']"), RemoteRefused, "only folders"),
        (one("helmCharts: [{name: a, repo: 'https://x.example'}]"), KustomizationRefused, "enable-helm"),
        (one("helmGlobals: {configHome: /root}"), KustomizationRefused, "configHome"),
        (
            one("transformers: [t.yaml]", **{"app/t.yaml": "apiVersion: v1\nkind: X\nmetadata:\n  name: x\n  annotations:\n    config.kubernetes.io/function: 'exec: {path: /bin/sh}'\n"}),
            KustomizationRefused,
            "a function that runs",
        ),
        (one("a: ["), SourceError, "not valid YAML"),
        (one("- a"), SourceError, "kustomization"),
        (one("resources: [x.yaml]\nnope: 1", **{"app/x.yaml": SERVICE}), RenderFailed, "nope"),
        (one("resources: [x.yaml]", **{"app/x.yaml": "a: ["}), RenderFailed, "x.yaml"),
        (one("resources: [../lib/x.yaml]", **{"lib/x.yaml": SERVICE}), RenderFailed, "is not in or below"),
        ({"app/kustomization.yaml": "{}", "app/kustomization.yml": "{}"}, SourceError, "one of them must go"),
        ({"app/x.yaml": SERVICE}, PathNotFound, "holds no kustomization"),
    ],
)  # fmt: skip
def test_what_no_repository_may_have_read_is_refused_by_file_and_field(
    bench: Bench, files: Files, error: type[FleetError], words: str
) -> None:
    with pytest.raises(error, match=words):
        bench.render(files, source("app", kustomize=Kustomize()))


def test_a_remote_base_is_asked_for_by_its_repository_and_laid_beside_the_rest(
    bench: Bench, tmp_path: Path
) -> None:
    files = one("resources: ['https://git.example/acme/bases//base?ref=v1']\nnameSuffix: -r\n")
    wanted = RemoteFolder("https://git.example/acme/bases", "v1", "base")
    with pytest.raises(Unfetched) as caught:
        bench.render(files, source("app"))
    assert caught.value.wanted == {wanted}
    made = bench.render(files, source("app"), folders={wanted: FILES})
    local = {**FILES, "app/kustomization.yaml": "resources: [../base]\nnameSuffix: -r\n"}
    assert objects(made) == kustomize(lay(local, tmp_path), "app")
    other = bench.render(files, source("app"), folders={wanted: {**FILES, "base/app.conf": "new\n"}})
    assert other.key != made.key


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("https://github.com/org/repo//deep/path?ref=v1", ("https://github.com/org/repo", "v1", "deep/path")),
        ("github.com/org/repo//path?ref=main", ("https://github.com/org/repo", "main", "path")),
        ("github.com/org/repo", ("https://github.com/org/repo", "", "")),
        ("git@github.com:org/repo//path?ref=v1", ("git@github.com:org/repo", "v1", "path")),
        ("git@host.example:org/repo.git/path?version=2", ("git@host.example:org/repo.git", "2", "path")),
        (
            "ssh://git@host.example/org/repo//p?ref=x&timeout=90",
            ("ssh://git@host.example/org/repo", "x", "p"),
        ),
        ("https://host.example/org/repo.git/a/b", ("https://host.example/org/repo.git", "", "a/b")),
    ],
)
def test_remote_forms_are_read_as_kustomize_reads_them(text: str, folder: tuple[str, str, str]) -> None:
    assert remote.remote(text)
    assert remote.folder(text) == RemoteFolder(*folder)


def test_charts_are_inflated_where_the_hub_allows_it(bench: Bench) -> None:
    files = one(
        "helmCharts: [{name: web, releaseName: r, valuesFile: v.yaml}]\n",
        **{
            "app/charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
            "app/charts/web/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: {{ .Values.x }}}\n",
            "app/v.yaml": "x: from-values\n",
        },
    )
    made = bench.render(files, source("app"), allowed=frozenset({"enable-helm"}))
    (found,) = objects(made)
    assert found["data"] == {"x": "from-values"}
    assert made.renderer == "kustomize v5.8.1, helm v4.3.1"
    assert "app/charts/web/templates/a.yaml" in {read.path for read in made.reads}


def test_ten_thousand_objects_and_a_bomb_are_bounded(bench: Bench) -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
    )
    with pytest.raises(FleetError):
        bench.render(
            one(
                "resources: [x.yaml]",
                **{"app/x.yaml": f"apiVersion: v1\nkind: A\nmetadata: {{name: a}}\n{bomb}"},
            ),
            source("app"),
        )
