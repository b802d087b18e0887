"""Patches on rendered objects of any renderer, and facts in plain manifests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from fleet.facts import Facts
from fleet.model import Rendered
from fleet.render.kustomize.renderer import RenderFailed
from fleet.render.patch import patched
from fleet.render.source import Directory, Patch
from fleet.render.substitute import substituted
from fleet.render.together import merged, whole
from tests.unit.render.oracle import Bench, source

TWO = {
    "app/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {l: '1'}}\ndata: {big: '1', num: '2', word: 'y', 'on': 'off'}\n",
    "app/b.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b}\nspec:\n  replicas: 9007199254740993\n"
    "  template: {spec: {containers: [{name: x, image: why}]}}\n",
}


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def bodies(made: Any) -> dict[str, dict[str, Any]]:
    return {one.ref.name: orjson.loads(one.body) for one in made.manifests}


def test_json_6902_and_strategic_merge_change_what_they_are_for_and_nothing_else(bench: Bench) -> None:
    before = bench.render(TWO, source("app"))
    patches = (
        Patch(
            patch='[{"op": "replace", "path": "/data/num", "value": "3"}]',
            target='{"kind": "ConfigMap", "name": "a|z"}',
        ),
        Patch(patch="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {more: 'yes'}\n"),
    )
    after = patched(before, patches, bench.cache, bench.confinement.confined())
    assert bodies(after)["a"]["data"] == {"big": "1", "num": "3", "more": "yes", "word": "y", "on": "off"}
    assert after.manifests[1] is before.manifests[1]
    assert [one.ref for one in after.manifests] == [one.ref for one in before.manifests]
    assert after.manifests[0].origin.path == "app/a.yaml"
    assert after.key != before.key
    assert after.renderer == "kustomize v5.8.1"
    again = patched(before, patches, bench.cache, bench.confinement.confined())
    assert again.manifests is after.manifests


def test_a_merge_by_key_and_big_numbers_are_kustomizes(bench: Bench) -> None:
    before = bench.render(TWO, source("app"))
    patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b}\nspec: {template: {spec: {containers: [{name: x, tty: true}]}}}\n"
    after = bodies(patched(before, (Patch(patch=patch),), bench.cache, bench.confinement.confined()))["b"]
    assert after["spec"]["template"]["spec"]["containers"] == [{"name": "x", "image": "why", "tty": True}]
    assert after["spec"]["replicas"] == 9007199254740993


def test_a_patch_for_nothing_is_a_fault_and_the_others_apply(bench: Bench) -> None:
    before = bench.render(TWO, source("app"))
    patches = (
        Patch(patch='[{"op": "add", "path": "/data/x", "value": "1"}]', target='{"kind": "Secret"}'),
        Patch(patch='[{"op": "add", "path": "/data/x", "value": "1"}]', target='{"labelSelector": "l=1"}'),
    )
    after = patched(before, patches, bench.cache, bench.confinement.confined())
    (fault,) = after.faults
    assert fault.reason == "PatchUnmatched"
    assert "patch 1" in fault.text
    assert bodies(after)["a"]["data"]["x"] == "1"


@pytest.mark.parametrize("patch", ["a: [", '[{"op": "nope"}]'])
def test_a_patch_that_does_not_apply_is_refused_in_kustomizes_words(bench: Bench, patch: str) -> None:
    before = bench.render(TWO, source("app"))
    with pytest.raises(RenderFailed):
        patched(
            before,
            (Patch(patch=patch, target='{"kind": "ConfigMap"}'),),
            bench.cache,
            bench.confinement.confined(),
        )


def test_a_patch_may_take_an_object_away(bench: Bench) -> None:
    before = bench.render(TWO, source("app"))
    patch = Patch(patch="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n$patch: delete\n")
    assert list(bodies(patched(before, (patch,), bench.cache, bench.confinement.confined()))) == ["b"]


def over(bench: Bench, files: dict[str, str], *patches: Patch) -> tuple[Rendered, Rendered]:
    before = bench.render(files, source("app", plain=True))
    assert not before.faults
    return before, patched(before, patches, bench.cache, bench.confinement.confined())


def manifest(kind: str, name: str, annotations: str = "", more: str = "") -> str:
    metadata = f"{{name: {name}{f', annotations: {annotations}' if annotations else ''}}}"
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {metadata}\n{more}\n"


LABEL = Patch(
    patch='[{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]', target='{"kind": "ConfigMap"}'
)


def test_the_order_stays_and_what_no_patch_is_for_stays_as_it_is_whatever_kustomize_makes_of_it(
    bench: Bench,
) -> None:
    """Kustomize would sort them, leave out the local one, and rename the one that needs a hash."""
    told = "{config.kubernetes.io/local-config: 'true', kustomize.config.k8s.io/needs-hash: 'true'}"
    files = {
        "app/a.yaml": manifest("Service", "last"),
        "app/b.yaml": manifest("Secret", "local", told, "n: 12345678901234567890\nf: 1.0"),
        "app/c.yaml": manifest("ConfigMap", "patched", told),
        "app/d.yaml": manifest("Namespace", "first"),
    }
    before, after = over(bench, files, LABEL)
    assert [one.ref for one in after.manifests] == [one.ref for one in before.manifests]
    assert [one is other for one, other in zip(after.manifests, before.manifests, strict=True)] == [
        True,
        True,
        False,
        True,
    ]
    assert bodies(after)["patched"]["metadata"] == {
        "name": "patched",
        "labels": {"a": "b"},
        "annotations": {
            "config.kubernetes.io/local-config": "true",
            "kustomize.config.k8s.io/needs-hash": "true",
        },
    }


@pytest.mark.parametrize(
    ("annotations", "patch", "left"),
    [
        ("", '[{"op": "add", "path": "/metadata/annotations", "value": {"k": "v"}}]', {"k": "v"}),
        ("{a: z}", '[{"op": "replace", "path": "/metadata/annotations", "value": {"k": "v"}}]', {"k": "v"}),
        ("{a: z}", '[{"op": "remove", "path": "/metadata/annotations"}]', None),
        ("{a: z}", '[{"op": "remove", "path": "/metadata/annotations/a"}]', None),
        ("{a: z}", '[{"op": "add", "path": "/metadata/annotations/k", "value": "v"}]', {"a": "z", "k": "v"}),
        ("", '[{"op": "add", "path": "/metadata/annotations/k", "value": "v"}]', {"k": "v"}),
    ],
)
def test_patches_of_annotations_do_what_they_say(
    bench: Bench, annotations: str, patch: str, left: object
) -> None:
    files = {
        "app/a.yaml": manifest("ConfigMap", "one", annotations),
        "app/b.yaml": manifest("Secret", "other"),
    }
    _, after = over(bench, files, Patch(patch=patch, target='{"kind": "ConfigMap"}'))
    assert not after.faults
    assert bodies(after)["one"]["metadata"].get("annotations") == left


@pytest.mark.parametrize(
    ("patch", "named"),
    [
        (
            Patch(patch="[]", target='{"labelSelector": "no=such"}'),
            "patch 1 of the overrides (labelSelector no=such)",
        ),
        (Patch(patch="[]", target='{"annotationSelector": "no=such"}'), "(annotationSelector no=such)"),
        (Patch(patch="[]", target='{"kind": "ConfigMap", "name": "on"}'), "(kind ConfigMap, name on)"),
        (Patch(patch="apiVersion: v1\nkind: Secret\nmetadata: {name: one}\n"), "(Secret one)"),
        (
            Patch(patch="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, namespace: q}\n"),
            "(ConfigMap q one)",
        ),
        (
            Patch(
                patch="$patch: delete\napiVersion: v1\nkind: X\nmetadata: {name: x}\n", target='{"kind": "X"}'
            ),
            "(kind X)",
        ),
    ],
)
def test_a_patch_for_nothing_is_named_whichever_way_it_says_what_it_is_for(
    bench: Bench, patch: Patch, named: str
) -> None:
    before, after = over(bench, {"app/a.yaml": manifest("ConfigMap", "one")}, patch, LABEL)
    (fault,) = after.faults
    assert named in fault.text
    assert fault.reason == "PatchUnmatched"
    assert bodies(after)["one"]["metadata"]["labels"] == {"a": "b"}
    assert before.manifests[0] is not after.manifests[0]


def test_a_selector_sees_what_the_patches_before_it_made(bench: Bench) -> None:
    second = Patch(
        patch='[{"op": "add", "path": "/data", "value": {"k": "v"}}]', target='{"labelSelector": "a=b"}'
    )
    _, after = over(bench, {"app/a.yaml": manifest("ConfigMap", "one")}, LABEL, second)
    assert not after.faults
    assert bodies(after)["one"]["data"] == {"k": "v"}


def test_a_merge_with_a_target_keeps_large_numbers_and_one_that_deletes_is_no_fault(bench: Bench) -> None:
    merge = Patch(
        patch="apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: any}\nspec: {paused: true}\n",
        target='{"name": "b"}',
    )
    gone = Patch(
        patch="$patch: delete\napiVersion: v1\nkind: X\nmetadata: {name: x}\n", target='{"kind": "ConfigMap"}'
    )
    _, after = over(bench, TWO, merge, gone)
    assert not after.faults
    assert bodies(after)["b"]["spec"]["replicas"] == 9007199254740993
    assert list(bodies(after)) == ["b"]


def test_where_a_patch_renames_what_refers_to_it_follows(bench: Bench) -> None:
    rename = Patch(
        patch='[{"op": "replace", "path": "/metadata/name", "value": "new"}]',
        target='{"kind": "ConfigMap"}',
        options='{"allowNameChange": true}',
    )
    pod = manifest("Pod", "pod", more="spec: {volumes: [{name: v, configMap: {name: one}}]}")
    _, after = over(bench, {"app/a.yaml": manifest("ConfigMap", "one"), "app/b.yaml": pod}, rename)
    assert list(bodies(after)) == ["new", "pod"]
    assert bodies(after)["pod"]["spec"]["volumes"] == [{"name": "v", "configMap": {"name": "new"}}]


def test_what_is_refused_is_told_without_the_patchs_text(bench: Bench) -> None:
    with pytest.raises(RenderFailed, match=r"^the patches of the overrides: a JSON patch has no target$"):
        over(bench, TWO, Patch(patch='[{"op": "add", "path": "/data/x", "value": "topsecretvalue"}]'))


FACTS = Facts("eu", {"zone": "z1", "topology.kubernetes.io/region": "r1"})
PLAIN = {
    "app/a.yaml": 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "a-{{ cluster.labels.topology.kubernetes.io/region }}"}\n'
    'data: {zone: "{{ cluster.labels.zone }}", helm: "{{ .Values.x }}", "{{ cluster.name }}": key}\n',
    "app/b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n",
    "app/c.yaml": 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {x: "{{ cluster.labels.none }}"}\n',
}


def test_facts_are_filled_into_the_strings_of_manifests_that_ask_for_it(bench: Bench) -> None:
    before = bench.render(PLAIN, source("app", directory=Directory(substitute=True), plain=True))
    assert not before.faults
    after = substituted(before, FACTS)
    assert bodies(after)["a-r1"]["data"] == {
        "zone": "z1",
        "helm": "{{ .Values.x }}",
        "{{ cluster.name }}": "key",
    }
    assert after.manifests[1] is before.manifests[1]
    (fault,) = after.faults
    assert "cluster eu has no cluster.labels.none" in fault.text
    assert "app/c.yaml" in fault.text
    assert substituted(before, Facts("eu", {**FACTS.labels, "zone": "z2"})).key != after.key


def test_without_asking_nothing_is_filled_in_and_such_a_name_is_refused(bench: Bench) -> None:
    made = bench.render(PLAIN, source("app"))
    assert bodies(made)["c"]["data"] == {"x": "{{ cluster.labels.none }}"}
    (fault,) = made.faults
    assert "name that Kubernetes does not allow" in fault.text


def test_of_two_sources_the_later_wins_and_that_is_said(bench: Bench) -> None:
    first = bench.render(TWO, source("app"))
    second = bench.render({"app/z.yaml": TWO["app/a.yaml"].replace("'2'", "'9'")}, source("app"))
    both = merged([first, second])
    assert bodies(both)["a"]["data"]["num"] == "9"
    assert [one.ref.name for one in both.manifests] == ["b", "a"]
    assert both.warnings == ("ConfigMap a comes from app/a.yaml and from app/z.yaml: the later source wins",)
    assert both.key not in (first.key, second.key)


def test_what_stands_for_all_clusters_is_the_one_render_where_they_are_alike(bench: Bench) -> None:
    one = bench.render(TWO, source("app"))
    other = bench.render({"app/b.yaml": TWO["app/b.yaml"]}, source("app"))
    assert whole({"eu": one, "us": one}) is one
    assert whole({"eu": one, "us": other}).key == whole({"eu": other, "us": one}).key != one.key
