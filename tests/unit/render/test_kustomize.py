"""Kustomizations come out as the real program makes them, and their key holds what was read and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap.local import binaries
from fleet.errors import FleetError, InvalidObject, LinkRefused, PathNotFound, RendererAmbiguous, SourceError
from fleet.model import Parameters
from fleet.render.ground import RemoteFolder, Unfetched
from fleet.render.kustomize import options, remote
from fleet.render.kustomize.references import KustomizationRefused
from fleet.render.kustomize.remote import RemoteRefused
from fleet.render.kustomize.renderer import RenderFailed
from fleet.render.kustomize.wording import UNKNOWN, worded
from fleet.render.source import Directory, Kustomize, Patch, Replicas
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


def one(text: str, **more: str | bytes) -> dict[str, str | bytes]:
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
        ("nginx=nginx:1", {"name": "nginx", "newName": "nginx", "newTag": "1"}),
        ("reg:5000/a/b:2", {"name": "reg:5000/a/b", "newTag": "2"}),
        ("a:1@sha256:2", {"name": "a", "newTag": "1", "digest": "sha256:2"}),
        ("a=reg:5000/b@sha256:1", {"name": "a", "newName": "reg:5000/b", "digest": "sha256:1"}),
        ("a=*:2", {"name": "a", "newName": "*", "newTag": "2"}),
    ],
)
def test_images_are_read_as_kustomize_edit_reads_them(text: str, entry: dict[str, str]) -> None:
    assert options.image(text) == entry


def test_an_image_that_says_nothing_new_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidObject, match="reg:5000/a/b names an image"):
        bench.render(FILES, source("base", kustomize=Kustomize(images=("reg:5000/a/b",))))


STANDING = """
resources: [../base]
images: [{name: nginx, newName: mirror.example/nginx, newTag: "0"}, {name: redis, newTag: "5"}]
replicas: [{name: web, count: 2}]
labels: [{pairs: {t: "0"}}, {pairs: {t: "5"}, includeTemplates: true}]
commonAnnotations: {owner: me, kept: "yes"}
components: [../parts/made]
patches: [{path: more.yaml}]
"""
JOINED = """
resources: [../base]
images: [{name: nginx, newName: mirror.example/nginx, newTag: "9"}, {name: redis, newName: valkey}]
replicas: [{name: web, count: 7}]
labels: [{pairs: {t: "1"}}, {pairs: {t: "5"}, includeTemplates: true}]
commonAnnotations: {owner: you, kept: "yes"}
components: [../parts/made, ../parts/scaled]
patches: [{path: more.yaml}, {target: {kind: Service}, patch: '[{"op": "add", "path": "/spec/clusterIP", "value": "None"}]'}]
"""


MADE = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nconfigMapGenerator: [{name: once, literals: [a=b]}]\n"


def test_what_stands_in_the_file_is_joined_as_kustomize_edit_joins_it(bench: Bench, tmp_path: Path) -> None:
    more = {"app/more.yaml": MORE, "parts/made/kustomization.yaml": MADE}
    files = {**FILES, **more, "app/kustomization.yaml": STANDING}
    given = Kustomize(
        images=("nginx=*:9", "redis=valkey"),
        replicas=(Replicas("web", 7),),
        common_labels=(("t", "1"),),
        label_without_selector=True,
        common_annotations=(("owner", "you"),),
        components=("../parts/*",),
        patches=(
            Patch(patch="- op: add\n  path: /spec/clusterIP\n  value: None\n", target='{"kind": "Service"}'),
        ),
    )
    made = bench.render(files, source("app", kustomize=given))
    assert objects(made) == kustomize(lay({**files, "app/kustomization.yaml": JOINED}, tmp_path), "app")


BUILTIN = "apiVersion: builtin\nkind: {}\nmetadata: {{name: x}}\n"
PLUGGED: dict[str, str | bytes] = {
    "app/kustomization.yaml": "Resources: [m.yaml]\nNAMEPREFIX: p-\ngenerators:\n- |-\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n"
    "  metadata: {name: inline}\n  files: [one.txt]\n- generator.yaml\ntransformers: [../plugins, prefix.yaml]\n",
    "app/m.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: b}\n",
    "app/one.txt": "1\n",
    "app/two.env": "TWO=2\n",
    "app/three.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {three: '3'}\n",
    "app/generator.yaml": BUILTIN.format("SecretGenerator") + "envs: [two.env]\n",
    "app/prefix.yaml": BUILTIN.format("PrefixTransformer")
    + "prefix: q-\nfieldSpecs: [{path: metadata/name}]\n",
    "plugins/kustomization.yaml": "resources: [patch.yaml]\n",
    "plugins/patch.yaml": BUILTIN.format("PatchTransformer") + "path: three.yaml\n",
}


def test_plugins_inline_in_files_and_in_folders_get_the_files_that_they_name(
    bench: Bench, tmp_path: Path
) -> None:
    made = bench.render(PLUGGED, source("app"))
    assert objects(made) == kustomize(lay(PLUGGED, tmp_path), "app")
    for name, text in PLUGGED.items():
        after = bench.render({**PLUGGED, name: f"{text!s}\n"}, source("app"))
        assert after.key != made.key, name


def test_a_path_through_a_link_is_the_folder_that_it_leads_to(bench: Bench, tmp_path: Path) -> None:
    made = bench.render({**FILES, "linked": Link("overlay")}, source("linked"))
    assert objects(made) == kustomize(lay(FILES, tmp_path), "overlay")
    assert made.key == bench.render(FILES, source("overlay")).key


ANNOTATED = {
    "app/kustomization.yaml": "resources: [a.yaml, b.yaml, c.yaml]\npatches:\n"
    '- {target: {name: b}, patch: \'[{"op": "add", "path": "/metadata/annotations/x", "value": "y"}]\'}\n'
    '- {target: {name: c}, patch: \'[{"op": "add", "path": "/metadata/annotations", "value": {"x": "y"}}]\'}\n'
    "configMapGenerator: [{name: made, literals: [a=b], options: {annotations: {x: z}}}]\n",
    "app/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {k: v}}\n",
    "app/b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n",
    "app/c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n",
}


@pytest.mark.parametrize("asked", ["", "buildMetadata: [originAnnotations, managedByLabel]\n"])
def test_finding_out_where_objects_come_from_changes_none(bench: Bench, tmp_path: Path, asked: str) -> None:
    files = {**ANNOTATED, "app/kustomization.yaml": ANNOTATED["app/kustomization.yaml"] + asked}
    made = bench.render(files, source("app"))
    assert objects(made) == kustomize(lay(files, tmp_path), "app")
    assert {"app/a.yaml", "app/b.yaml"} <= {one.origin.path for one in made.manifests}


def test_what_cannot_be_read_of_the_output_is_a_fault_and_not_left_out(bench: Bench) -> None:
    deep = "{a: " * 150 + "1" + "}" * 150
    files = one(
        "resources: [x.yaml]",
        **{"app/x.yaml": f"apiVersion: v1\nkind: A\nmetadata: {{name: a}}\nspec: {deep}\n"},
    )
    (fault,) = bench.render(files, source("app")).faults
    assert "nested" in fault.text


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
        (one("configMapGenerator: [{name: a, files: [k=../../../etc/passwd]}]"), PathNotFound, r"app/kustomization.yaml: configMapGenerator\[0\].files\[0\]: .*leaves the repository"),
        (one("resources: [l.yaml]", **{"app/l.yaml": Link("../../../../etc/passwd")}), LinkRefused, r"app/kustomization.yaml: resources\[0\]: the link app/l.yaml leaves"),
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
        (one("generators:\n- |\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n  metadata: {name: x}\n  files: [/etc/passwd]\n"), KustomizationRefused, r"generators\[0\]: files\[0\]: an absolute path"),
        (one("generators: ['{apiVersion: v1, kind: X, metadata: {name: x, annotations: {config.kubernetes.io/function: y}}}']"), KustomizationRefused, r"generators\[0\]: a function"),
        (one("openapi: {path: /etc/passwd}"), KustomizationRefused, "openapi.path: an absolute path"),
        (one("a: ["), SourceError, "not valid YAML"),
        (one("- a"), SourceError, "kustomization"),
        (one(""), SourceError, "app/kustomization.yaml: the kustomization is empty"),
        (one("kind: Kustomization"), SourceError, "app/kustomization.yaml: the kustomization is empty"),
        (one("resources: []\n---\nresources: []"), SourceError, "holds several documents"),
        (one("resources: []\nResources: []"), SourceError, "resources occurs twice"),
        (one("resources: [../d0]", **{f"d{n}/kustomization.yaml": f"resources: [../d{n + 1}]" for n in range(400)}), SourceError, "nest more than 64 deep"),
        (one("resources: [.remote/1/x.yaml, 'https://git.example/a/b//base?ref=v1']", **{"app/.remote/1/x.yaml": SERVICE}), Unfetched, "git.example"),
        (one("resources: [x.yaml]\nnope: 1", **{"app/x.yaml": SERVICE}), RenderFailed, 'app/kustomization.yaml: there is no field "nope"'),
        (one("resources: [x.yaml]", **{"app/x.yaml": "a: ["}), RenderFailed, "^app/x.yaml: line 1: not valid YAML$"),
        (one("resources: [../lib/x.yaml]", **{"lib/x.yaml": SERVICE}), RenderFailed, "^lib/x.yaml is not in or below app$"),
        ({"app/kustomization.yaml": "{}", "app/kustomization.yml": "{}"}, SourceError, "one of them must go"),
        ({"app/x.yaml": SERVICE}, PathNotFound, "holds no kustomization"),
    ],
)  # fmt: skip
def test_what_no_repository_may_have_read_is_refused_by_file_and_field(
    bench: Bench, files: Files, error: type[FleetError], words: str
) -> None:
    with pytest.raises(error, match=words):
        bench.render(files, source("app", kustomize=Kustomize()))


SEALED = "topsecretvalue"
SECRET = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: m}}\nstringData: {{a: {SEALED}}}\n"


def patching(patch: str) -> Files:
    return one(
        f"resources: [x.yaml]\npatches: [{{target: {{kind: Secret}}, patch: '{patch}'}}]",
        **{"app/x.yaml": SECRET},
    )


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (one(f"secretGenerator: [{{name: a, literals: [{SEALED}]}}]"), "app/kustomization.yaml: a literal of a generator is not key=value"),
        (one("secretGenerator: [{name: a, envs: [e]}]", **{"app/e": f"A={SEALED}".encode() + b"\xff\n"}), "app/e: a line is not UTF-8"),
        (one("resources: [x.yaml]", **{"app/x.yaml": f"{SECRET}spec: {{1: {SEALED}}}\n"}), "app/x.yaml: a key is not a string: quote it"),
        (one("resources: [x.yaml]", **{"app/x.yaml": f"{SECRET}spec: .inf\n"}), "app/x.yaml: a number that JSON does not have"),
        (one("resources: [x.yaml]", **{"app/x.yaml": f"{SECRET}spec: {SEALED}: [\n"}), "app/x.yaml: line 5: not valid YAML"),
        (patching(SEALED), "app/kustomization.yaml: a patch is neither a strategic merge nor a JSON patch"),
        (patching(f'[{{"op": "replace", "path": "/x/y", "value": "{SEALED}"}}]'), "app/kustomization.yaml: a JSON patch does not apply: replace /x/y, which is not there"),
        (one("resources: [x.yaml]\nreplacements: [{source: {kind: Secret, fieldPath: stringData.a}, targets: [{select: {kind: Secret}, fieldPaths: [stringData.a.b]}]}]", **{"app/x.yaml": SECRET}), "app/kustomization.yaml: the target of a replacement has no stringData.a.b"),
        (one("resources: [x.yaml, y.yaml]\nnamespace: z", **{"app/x.yaml": SECRET, "app/y.yaml": SECRET.replace("{name: m}", "{name: m, namespace: q}")}), "would meet"),
        (one("resources: [../base]", **{"base/kustomization.yaml": f"secretGenerator: [{{name: a, literals: [{SEALED}]}}]"}), "base/kustomization.yaml: a literal"),
        (one("resources: [x.yaml, y.yaml]", **{"app/x.yaml": SECRET, "app/y.yaml": SECRET}), "app/y.yaml: Secret m is there twice"),
    ],
)  # fmt: skip
def test_what_kustomize_refuses_is_told_by_place_and_without_any_content(
    bench: Bench, files: Files, words: str
) -> None:
    with pytest.raises(RenderFailed) as caught:
        bench.render(files, source("app"))
    assert words in caught.value.text
    assert SEALED not in caught.value.text


def test_what_kustomize_says_in_words_that_are_not_known_is_not_repeated() -> None:
    files = {"app/kustomization.yaml": b""}
    told = worded(f"error: quite another thing {SEALED}", files, "app")
    assert told == f"app/kustomization.yaml: {UNKNOWN}"


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
    assert "https://git.example/acme/bases//base/service.yaml" in {one.origin.path for one in made.manifests}
    other = bench.render(files, source("app"), folders={wanted: {**FILES, "base/app.conf": "new\n"}})
    assert other.key != made.key


def test_a_remote_component_of_an_option_is_followed_too(bench: Bench, tmp_path: Path) -> None:
    url = "https://git.example/acme/bases//parts/scaled?ref=v1"
    wanted = RemoteFolder("https://git.example/acme/bases", "v1", "parts/scaled")
    files = {**FILES, "app/kustomization.yaml": "resources: [../base]\n"}
    made = bench.render(files, source("app", kustomize=Kustomize(components=(url,))), folders={wanted: FILES})
    local = {**FILES, "app/kustomization.yaml": "resources: [../base]\ncomponents: [../parts/scaled]\n"}
    assert objects(made) == kustomize(lay(local, tmp_path), "app")


def test_remote_bases_that_name_each_other_end(bench: Bench) -> None:
    url = "https://git.example/acme/bases//base?ref=v1"
    files = one(f"resources: ['{url}']\n")
    wanted = RemoteFolder("https://git.example/acme/bases", "v1", "base")
    with pytest.raises(
        SourceError, match=r"bases//base/kustomization.yaml: resources\[0\]: it turns in a circle"
    ):
        bench.render(
            files, source("app"), folders={wanted: {"base/kustomization.yaml": f"resources: ['{url}']\n"}}
        )


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
        (
            "https://dev.azure.com/o/p/_git/repo/a?version=b",
            ("https://dev.azure.com/o/p/_git/repo", "b", "a"),
        ),
        ("github.com:org/repo/a?ref=x", ("git@github.com:org/repo", "x", "a")),
        ("git@github.com/org/repo//a", ("git@github.com:org/repo", "", "a")),
        ("git::https://host.example/a/b//c", ("https://host.example/a/b", "", "c")),
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


def test_a_chart_by_a_plugins_configuration_is_inflated_too(bench: Bench) -> None:
    plugin = "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\nname: web\nreleaseName: r\n"
    files = one(
        "generators: [g.yaml]\n",
        **{
            "app/g.yaml": plugin,
            "app/charts/web/values.yaml": "{}\n",
            "app/charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
            "app/charts/web/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
            'data: {x: {{ .Capabilities.KubeVersion.Version }}, z: {{ .Capabilities.APIVersions.Has "x.example/v1" | quote }}}\n',
        },
    )
    with pytest.raises(KustomizationRefused, match=r"app/g.yaml: helmCharts are inflated only where"):
        bench.render(files, source("app"))
    allowed = frozenset({"enable-helm"})
    known = Parameters("v1.31.0", ("x.example/v1",), "digest")
    made = bench.render(files, source("app"), allowed=allowed, parameters=known)
    (found,) = objects(made)
    assert found["data"] == {"x": "v1.31.0", "z": "true"}
    assert not made.general
    given = Kustomize(kube_version="1.29.1", api_versions=("y.example/v1",))
    (found,) = objects(bench.render(files, source("app", kustomize=given), allowed=allowed, parameters=known))
    assert found["data"] == {"x": "v1.29.1", "z": "false"}


def test_folders_of_a_chart_without_end_or_number_are_bounded(bench: Bench) -> None:
    allowed = frozenset({"enable-helm"})
    circle: dict[str, Any] = {**one("helmCharts: [{name: web}]\n"), "app/charts/web/a": Link(".")}
    with pytest.raises(
        LinkRefused, match=r"app/kustomization.yaml: helmCharts\[0\].name: .*turns in a circle"
    ):
        bench.render(circle, source("app"), allowed=allowed)
    million: dict[str, Any] = {**one("helmCharts: [{name: web}]\n"), "app/charts/web/20/x": "x"}
    million |= {f"app/charts/web/{n}/{side}": Link(f"../{n + 1}") for n in range(20) for side in "ab"}
    with pytest.raises(SourceError, match="more than 2000 folders"):
        bench.render(million, source("app"), allowed=allowed)


def test_numbers_over_64_bits_in_a_kustomization_stay_kustomizes(bench: Bench, tmp_path: Path) -> None:
    files = one(
        "helmCharts: [{name: web, releaseName: r, valuesInline: {n: 18446744073709551616}}]\n",
        **{
            "app/charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
            "app/charts/web/values.yaml": "{}\n",
            "app/charts/web/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
            "data: {n: {{ .Values.n | quote }}}\n",
        },
    )
    made = bench.render(files, source("app"), allowed=frozenset({"enable-helm"}))
    helm = str(binaries.built() / "helm-v4.3.1")
    assert objects(made) == kustomize(lay(files, tmp_path), "app", "--enable-helm", "--helm-command", helm)


def test_a_bomb_is_bounded_whether_it_is_a_resource_or_the_kustomization(bench: Bench) -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
    )
    resource = f"apiVersion: v1\nkind: A\nmetadata: {{name: a}}\n{bomb}"
    with pytest.raises(FleetError):  # of memory, of output or of Kustomize's own aliases: whichever is first
        bench.render(one("resources: [x.yaml]", **{"app/x.yaml": resource}), source("app"))
    with pytest.raises(SourceError, match=r"app/kustomization.yaml.*aliases count as what they stand for"):
        bench.render(one(bomb), source("app"))


def test_a_kustomization_that_appears_wakes_who_looked_for_one(bench: Bench) -> None:
    plain = {"app/m.yaml": SERVICE}
    assert "app" in {read.path for read in bench.render(plain, source("app")).reads}
    with pytest.raises(PathNotFound) as caught:
        bench.render(plain, source("app", kustomize=Kustomize()))
    assert {"app/kustomization.yaml", "app/kustomization.yml", "app/Kustomization"} <= {
        read.path for read in caught.value.reads if read.oid is None
    }
    files = {**plain, "app/kustomization.yml": "resources: [m.yaml]\nnameSuffix: -x\n"}
    assert [one.ref.name for one in bench.render(files, source("app")).manifests] == ["web-x"]


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
def test_a_folder_that_could_be_either_asks_to_say_which(bench: Bench, name: str) -> None:
    files = {
        f"app/{name}": "resources: [m.yaml]\n",
        "app/m.yaml": SERVICE,
        "app/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
    }
    with pytest.raises(RendererAmbiguous, match="give the source helm or kustomize"):
        bench.render(files, source("app"))
    assert bench.render(files, source("app", kustomize=Kustomize())).manifests
    left_out = Directory(exclude="{[kK]ustomization*,Chart.yaml}")
    assert bench.render(files, source("app", directory=left_out, plain=True)).renderer == ""
