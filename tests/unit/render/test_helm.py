"""Charts come out as the real program makes them, and their key holds what was read and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fleet.charts.archive import ArchiveTree, Content
from fleet.errors import FleetError, InvalidObject, LinkRefused, PathNotFound
from fleet.model import Parameters
from fleet.render.ground import RemoteChart, Unfetched
from fleet.render.helm.chart import ChartRefused
from fleet.render.helm.renderer import RenderFailed
from fleet.render.source import FileParameter, Helm, HelmParameter
from tests.unit.render.oracle import Bench, Files, helm, lay, objects, source
from tests.unit.render.render_repository import Link

LIBRARY = {
    "Chart.yaml": "apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n",
    "templates/_names.tpl": '{{- define "lib.name" }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}\n',
}
CACHE = {
    "Chart.yaml": "apiVersion: v2\nname: cache\nversion: 2.1.0\n",
    "values.yaml": "size: 1\nexports: {data: {exported: from-cache}}\n",
    "templates/map.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-{{ .Chart.Name }}-{{ .Values.alias }}}\n"
        "data: {size: {{ .Values.size | quote }}, global: {{ .Values.global.word | quote }}}\n"
    ),
}


def below(folder: str, files: Files) -> dict[str, str | bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}


CHART: dict[str, str | bytes] = {
    "web/Chart.yaml": """
apiVersion: v2
name: web
version: 0.3.0
appVersion: "1.0"
dependencies:
- {name: lib, version: 1.0.0, repository: "file://../lib"}
- {name: cache, version: 2.x, alias: first, condition: first.enabled, repository: "file://../cache", import-values: [data]}
- {name: cache, version: 2.x, alias: second, tags: [more], repository: "file://../cache"}
""",
    "web/values.yaml": """
global: {word: shared}
first: {enabled: true, alias: one}
second: {alias: two, size: 7}
tags: {more: false}
big: 9007199254740993
octal: "0644"
mode: 0644
gone: {a: 1, b: 2}
tmpl: "{{ .Release.Namespace }}/{{ .Values.octal }}"
list: [a, b]
""",
    "web/values.schema.json": '{"type": "object", "properties": {"list": {"type": "array"}}}',
    "web/crds/tabs.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: tabs.x.example}\n",
    "web/files/one.txt": "first line\n",
    "web/.helmignore": "ignored/\n",
    "web/ignored/x.yaml": "not: read\n",
    "web/templates/NOTES.txt": "thanks\n",
    "web/templates/_helpers.tpl": '{{- define "web.labels" }}app: {{ include "lib.name" . }}{{ end }}\n',
    "web/templates/map.yaml": """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "lib.name" . }}
  labels: {{- include "web.labels" . | nindent 4 }}
data:
  big: {{ .Values.big | quote }}
  bigint: {{ int64 .Values.big }}
  octal: {{ .Values.octal }}
  mode: {{ .Values.mode }}
  quoted: {{ .Values.octal | quote }}
  tpl: {{ tpl .Values.tmpl . | quote }}
  file: {{ .Files.Get "files/one.txt" | quote }}
  exported: {{ .Values.exported | default "none" }}
  gone: {{ .Values.gone | toJson | quote }}
  list: {{ join "," .Values.list | quote }}
  kube: {{ .Capabilities.KubeVersion.Version }}
  batch: {{ .Capabilities.APIVersions.Has "example.org/v1/Thing" | quote }}
---
{{- if .Values.extra }}
apiVersion: v1
kind: Secret
metadata: {name: extra}
stringData: {x: {{ .Values.extra | quote }}}
{{- end }}
""",
    "web/templates/hook.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: hook\n  annotations: {helm.sh/hook: pre-install, helm.sh/hook-weight: '5'}\nspec: {containers: []}\n",
    "web/templates/tests/check.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: check\n  annotations: {helm.sh/hook: test}\nspec: {containers: []}\n",
    "values/prod.yaml": "list: [c]\ngone: null\nextra: prod\n",
    "values/eu/a.yaml": "list: [eu-a]\n",
    "values/eu/b.yaml": "extra: eu-b\n",
    "nobody/reads.yaml": "a: b\n",
    **below("lib", LIBRARY),
    **below("cache", CACHE),
}
PARAMETERS = Parameters("v1.35.2", ("example.org/v1", "example.org/v1/Thing", "v1"), "one")
FLAGS = ("--kube-version", "v1.35.2", "--api-versions", "example.org/v1,example.org/v1/Thing,v1")


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart as a person would have it after ``helm dependency build``."""
    vendored = {**CHART, **below("web/charts/lib", LIBRARY), **below("web/charts/cache", CACHE)}
    return lay(vendored, tmp_path_factory.mktemp("chart"))


def oracle(chart: Path, *flags: str) -> list[dict[str, Any]]:
    return helm(chart, "web", "web", "--namespace", "shop", "--include-crds", *FLAGS, *flags)


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        (Helm(), ()),
        (Helm(value_files=("../values/prod.yaml",)), ("-f", "values/prod.yaml")),
        (Helm(value_files=("/values/prod.yaml",)), ("-f", "values/prod.yaml")),
        (Helm(value_files=("../values/**/*.yaml",)), ("-f", "values/eu/a.yaml", "-f", "values/eu/b.yaml", "-f", "values/prod.yaml")),
        (Helm(value_files=("../values/eu/{a,b}.yaml",)), ("-f", "values/eu/a.yaml", "-f", "values/eu/b.yaml")),
        (
            Helm(value_files=("../values/*.yaml", "../values/none.yaml", "../values/prod.yaml"), ignore_missing_value_files=True),
            ("-f", "values/prod.yaml"),
        ),
        (Helm(values=("list: [x]\nmode: 0755\n", '{"extra": "0123"}')), ("--set-json", 'list=["x"]', "--set", "mode=493", "--set-string", "extra=0123")),
        (Helm(parameters=(HelmParameter("big", "9007199254740993"), HelmParameter("octal", "0755", force_string=True))), ("--set", "big=9007199254740993", "--set-string", "octal=0755")),
        (Helm(parameters=(HelmParameter("extra", "a,b"), HelmParameter("list", "{p,q}"))), ("--set", r"extra=a\,b", "--set", "list={p,q}")),
        (Helm(file_parameters=(FileParameter("extra", "files/one.txt"),)), ("--set-file", "extra=web/files/one.txt")),
        (Helm(parameters=(HelmParameter("tags.more", "true"), HelmParameter("first.enabled", "false"))), ("--set", "tags.more=true,first.enabled=false")),
        (Helm(release_name="other", namespace="elsewhere"), ("RELEASE",)),
        (Helm(skip_tests=True), ("--skip-tests",)),
        (Helm(kube_version="v1.33.0"), ("--kube-version", "v1.33.0")),
        (Helm(values=("list: no",), skip_schema_validation=True, parameters=(HelmParameter("list", "{a}"),)), ("--set", "list={a}")),
    ],
)  # fmt: skip
def test_a_chart_comes_out_as_helm_template_makes_it(
    bench: Bench, chart: Path, given: Helm, flags: tuple[str, ...]
) -> None:
    made = bench.render(CHART, source("web", helm=given), parameters=PARAMETERS)
    if flags == ("RELEASE",):
        wanted = helm(chart, "other", "web", "--namespace", "elsewhere", "--include-crds", *FLAGS)
    else:
        wanted = oracle(chart, *flags)
    assert objects(made) == wanted
    assert made.renderer == "helm v4.3.1"


def test_the_folder_of_crds_may_stay_out(bench: Bench, chart: Path) -> None:
    made = bench.render(CHART, source("web", helm=Helm(skip_crds=True)), parameters=PARAMETERS)
    assert objects(made) == helm(chart, "web", "web", "--namespace", "shop", *FLAGS)
    assert "CustomResourceDefinition" not in {one.ref.kind for one in made.manifests}


def test_hooks_keep_their_annotations_and_every_object_its_template(bench: Bench) -> None:
    made = bench.render(CHART, source("web"), parameters=PARAMETERS)
    by_name = {one.ref.name: one for one in made.manifests}
    assert by_name["hook"].hook == "pre-install"
    assert by_name["web-web"].origin.path == "web/templates/map.yaml"
    assert by_name["tabs.x.example"].origin.path == "web/crds/tabs.yaml"
    assert by_name["web-first-one"].origin.path.endswith("templates/map.yaml")


def test_exactly_what_was_read_is_in_the_key(bench: Bench) -> None:
    given = source("web", helm=Helm(value_files=("../values/prod.yaml",)))
    before = bench.render(CHART, given, parameters=PARAMETERS)
    paths = {read.path for read in before.reads}
    for name in sorted(CHART):
        after = bench.render({**CHART, name: f"{CHART[name]!s}\n"}, given, parameters=PARAMETERS)
        concerned = not name.startswith(("nobody", "values/eu"))
        assert (after.key != before.key) is concerned, name
        assert (name in paths) is concerned, name


def test_what_the_cluster_serves_decides_too_and_equal_clusters_share(bench: Bench) -> None:
    first = bench.render(CHART, source("web"), parameters=PARAMETERS)
    same = bench.render(CHART, source("web"), parameters=replace(PARAMETERS))
    other = bench.render(CHART, source("web"), parameters=Parameters("v1.36.3", ("v1",), "two"))
    assert same.manifests is first.manifests
    assert other.key != first.key
    assert not first.general
    fixed = Helm(kube_version="v1.36.3", api_versions=("v1",))
    assert bench.render(CHART, source("web", helm=fixed), parameters=PARAMETERS).general


def test_values_of_another_source_are_found_by_its_ref(bench: Bench, chart: Path) -> None:
    refs = {"envs": {"prod/values.yaml": "list: [c]\ngone: null\nextra: prod\n"}}
    given = source("web", helm=Helm(value_files=("$envs/prod/values.yaml",)))
    made = bench.render(CHART, given, parameters=PARAMETERS, refs=refs)
    assert objects(made) == oracle(chart, "-f", "values/prod.yaml")
    other = bench.render(
        CHART, given, parameters=PARAMETERS, refs={"envs": {"prod/values.yaml": "list: [d]\n"}}
    )
    assert other.key != made.key
    with pytest.raises(InvalidObject, match=r"\$envs is the ref of no source; there are: none"):
        bench.render(CHART, given, parameters=PARAMETERS)


def test_a_dependency_that_is_not_there_is_asked_for_by_the_version_that_is_locked(bench: Bench) -> None:
    files: dict[str, str | bytes] = {
        "app/Chart.yaml": "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {name: cache, version: ^2, repository: 'https://charts.example'}\n",
        "app/values.yaml": "global: {word: w}\ncache: {alias: far}\n",
    }
    wanted = RemoteChart("https://charts.example", "cache", "^2")
    with pytest.raises(Unfetched) as caught:
        bench.render(files, source("app"))
    assert caught.value.wanted == {wanted}
    locked = {
        **files,
        "app/Chart.lock": "dependencies:\n- {name: cache, version: 2.1.0, repository: 'https://charts.example'}\n",
    }
    with pytest.raises(Unfetched) as caught:
        bench.render(locked, source("app"))
    assert caught.value.wanted == {wanted._replace(version="2.1.0")}
    from fleet.charts import archive  # noqa: PLC0415 (a detail of this test)

    content = {f"cache/{name}": text.encode() for name, text in CACHE.items()}
    tree = ArchiveTree("https://charts.example", "cache", Content(content, archive._folders(content)))
    made = bench.render(locked, source("app"), charts={wanted._replace(version="2.1.0"): tree})
    (found,) = objects(made)
    assert found["metadata"]["name"] == "web-cache-far"
    assert found["data"] == {"size": "1", "global": "w"}


def test_a_lookup_is_said_once(bench: Bench) -> None:
    files = {
        **CHART,
        "web/templates/look.yaml": '{{ $x := lookup "v1" "Secret" "a" "b" }}\n',
        "web/templates/again.yaml": '{{- $y := (lookup "v1" "Node" "" "") }}\n',
    }
    made = bench.render(files, source("web"), parameters=PARAMETERS)
    (warning,) = made.warnings
    assert "and 1 more: lookup finds nothing" in warning


MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def small(**files: str) -> dict[str, str | bytes]:
    return {
        "web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
        **{f"web/{name}": one for name, one in files.items()},
    }


@pytest.mark.parametrize(
    ("files", "given", "error", "words"),
    [
        (small(**{"templates/a.yaml": '{{ fail "stop here" }}'}), Helm(), RenderFailed, r"web/templates/a.yaml:1:3.*stop here"),
        (small(**{"templates/a.yaml": "{{ nope }}"}), Helm(), RenderFailed, r'web/templates/a.yaml:1\): function "nope" not defined'),
        (small(**{"templates/a.yaml": MAP}), Helm(value_files=("none.yaml",)), PathNotFound, r"valueFiles\[0\]: web/none.yaml is not in the commit"),
        (small(**{"templates/a.yaml": MAP}), Helm(value_files=("../../etc/passwd",)), PathNotFound, "leaves the repository"),
        (small(**{"templates/a.yaml": MAP}), Helm(value_files=("/etc/passwd",)), PathNotFound, "etc/passwd is not in the commit"),
        (small(**{"templates/a.yaml": MAP}), Helm(value_files=("https://evil.example/v.yaml",)), ChartRefused, "is a URL"),
        (small(**{"templates/a.yaml": MAP}), Helm(file_parameters=(FileParameter("x", "/etc/passwd"),)), PathNotFound, "etc/passwd"),
        (small(**{"templates/a.yaml": MAP, "values.schema.json": '{"required": ["x"]}'}), Helm(), RenderFailed, "schema"),
        (small(**{"templates/a.yaml": MAP}), Helm(values=("a: [",)), RenderFailed, "the Application's values"),
        (small(**{"templates/a.yaml": Link("../../../../etc/passwd")}), Helm(), LinkRefused, "leaves"),
        (small(l=Link("/etc/passwd")), Helm(), LinkRefused, "leaves"),
        ({"web/x.yaml": MAP}, Helm(), PathNotFound, "web holds no Chart.yaml"),
        ({"web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\ntype: library\n"}, Helm(), ChartRefused, "is a library chart"),
        ({"web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: x, version: 1.0.0, repository: '@stable'}]\n"}, Helm(), ChartRefused, "write its URL"),
        ({"web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: x, version: 1.0.0, repository: 'file://../../..'}]\n"}, Helm(), PathNotFound, "leaves the repository"),
        ({"web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: web, version: 1.0.0, repository: 'file://.'}]\n"}, Helm(), ChartRefused, "deep"),
    ],
)  # fmt: skip
def test_what_cannot_be_rendered_is_said_with_file_and_line(
    bench: Bench, files: Files, given: Helm, error: type[FleetError], words: str
) -> None:
    with pytest.raises(error, match=words):
        bench.render(files, source("web", helm=given))


def test_the_hubs_files_are_out_of_reach_of_a_template(bench: Bench) -> None:
    text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: {{ .Files.Get "/etc/passwd" | quote }}\n  b: {{ .Files.Get "../../../etc/passwd" | quote }}\n  c: {{ env "HOME" | quote }}\n'
    with pytest.raises(RenderFailed, match='function "env" not defined'):
        bench.render(small(**{"templates/a.yaml": text}), source("web"))
    (found,) = objects(
        bench.render(
            small(**{"templates/a.yaml": text.replace('{{ env "HOME" | quote }}', "none")}), source("web")
        )
    )
    assert found["data"] == {"a": "", "b": "", "c": "none"}


def test_ten_thousand_objects_of_one_chart_come_out(bench: Bench) -> None:
    text = (
        "{{ range until 10000 }}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: m{{ . }}}\n{{ end }}"
    )
    made = bench.render(small(**{"templates/a.yaml": text}), source("web"))
    assert len(made.manifests) == 10_000
    assert not made.faults


def test_a_bomb_as_output_is_refused(bench: Bench) -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\\n" for n in range(9)
    )
    text = f'{{{{ print "apiVersion: v1\\nkind: A\\nmetadata: {{name: a}}\\n{bomb}" }}}}'
    try:
        made = bench.render(small(**{"templates/a.yaml": text}), source("web"))
    except FleetError:
        return
    assert made.faults
    assert not made.manifests
