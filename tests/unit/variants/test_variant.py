"""What an Application comes to on a cluster: facts, overrides, sharing, and where each value came from."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.api.application import Application
from fleet.api.parse import parse
from fleet.errors import InvalidObject
from fleet.facts import FactMissing, Facts
from fleet.model import Revision
from fleet.render.source import HelmParameter, Replicas
from fleet.variants.explain import explained
from fleet.variants.merge import image
from fleet.variants.variant import Variant, filled_namespace, skipped, uniform, variant

EU = Facts("eu", {"region": "eu", "tier": "big"}, {"zone": "Z1"}, "v1.36.3")
US = Facts("us", {"region": "us"}, {}, "v1.36.3")


def application(**spec: Any) -> Application:
    spec.setdefault("source", {"repoURL": "https://git.example/a/b", "path": "app"})
    body = {
        "apiVersion": "fleethub.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": "fleethub"},
        "spec": {"placement": {"clusterSelector": {}}, **spec},
    }
    if spec["source"] is None:
        del body["spec"]["source"]  # type: ignore[attr-defined]
    return parse("Application", body)


def of(one: Application, facts: Facts = EU) -> Variant:
    revisions = [Revision(each.repo_url, "c" * 40, each.target_revision) for each in one.spec.all_sources]
    return variant(one, facts, revisions)


def source(**options: Any) -> dict[str, Any]:
    return {"repoURL": "https://git.example/a/b", "path": "app", **options}


def test_clusters_share_a_variant_where_everything_comes_out_equal() -> None:
    plain = application(source=source(helm={"valuesObject": {"a": 1}}))
    assert of(plain, EU) == of(plain, US)
    assert hash(of(plain, EU)) == hash(of(plain, US))
    assert uniform(plain)
    told = application(source=source(helm={"valuesObject": {"a": "{{ cluster.labels.region }}"}}))
    assert of(told, EU) != of(told, US)
    assert not uniform(told)
    same = application(source=source(helm={"valuesObject": {"a": "{{ cluster.version }}"}}))
    assert of(same, EU) == of(same, US)


def test_facts_stand_in_path_namespace_values_parameters_and_kustomize_words() -> None:
    found = of(
        application(
            source=source(
                path="envs/{{ cluster.labels.region }}",
                helm={
                    "values": "a: '{{ cluster.name }}'\nb: {{ .Values.x }}\n"
                    if False
                    else "a: '{{ cluster.name }}'\n",
                    "parameters": [
                        {"name": "zone", "value": "{{ cluster.annotations.zone }}", "forceString": True}
                    ],
                    "valueFiles": ["{{ cluster.labels.region }}.yaml"],
                },
            ),
            namespace="ns-{{ cluster.name }}",
        )
    )
    (built,) = found.sources
    assert built is not None
    assert (built.path, built.namespace, found.namespace) == ("envs/eu", "ns-eu", "ns-eu")
    assert built.helm is not None
    assert built.helm.values == ('{"a":"eu"}',)
    assert built.helm.parameters == (HelmParameter("zone", "Z1", force_string=True),)
    assert built.helm.value_files == ("eu.yaml",)
    (other,) = of(application(source=source(kustomize={"nameSuffix": "-{{ cluster.name }}"}))).sources
    assert other is not None
    assert other.kustomize is not None
    assert other.kustomize.name_suffix == "-eu"


def test_values_without_facts_stay_the_text_that_was_written() -> None:
    text = "mode: 0644\nbig: 9007199254740993\nhelm: '{{ .Values.x }}'\n"
    (built,) = of(application(source=source(helm={"values": text}))).sources
    assert built is not None
    assert built.helm is not None
    assert built.helm.values == (text,)


OVERRIDES = [
    {
        "clusterSelector": {"matchLabels": {"region": "eu"}},
        "helm": {
            "valuesObject": {"a": {"b": 2}},
            "parameters": [{"name": "p", "value": "2"}, {"name": "q", "value": "3"}],
            "valueFiles": ["eu.yaml"],
            "skipCrds": True,
        },
    },
    {
        "clusterSelector": {"matchExpressions": [{"key": "tier", "operator": "Exists"}]},
        "helm": {"values": "a: {c: 9}\n"},
        "patches": [{"patch": "- op: add\n", "target": {"kind": "Deployment"}}],
    },
    {"clusterSelector": {"matchLabels": {"region": "asia"}}, "skip": True},
]


def test_overrides_apply_in_order_to_the_clusters_that_they_select() -> None:
    given = {
        "valuesObject": {"a": {"b": 1}},
        "parameters": [{"name": "p", "value": "1"}],
        "valueFiles": ["base.yaml"],
    }
    one = application(source=source(helm=given), overrides=OVERRIDES)
    found = of(one)
    (built,) = found.sources
    assert built is not None
    assert built.helm is not None
    assert built.helm.values == ('{"a":{"b":1}}', '{"a":{"b":2}}', "a: {c: 9}\n")
    assert [(each.name, each.value) for each in built.helm.parameters] == [("p", "2"), ("q", "3")]
    assert built.helm.value_files == ("base.yaml", "eu.yaml")
    assert built.helm.skip_crds
    assert len(found.patches) == 1
    (plain,) = of(one, US).sources
    assert plain is not None
    assert plain.helm is not None
    assert plain.helm.values == ('{"a":{"b":1}}',)
    assert not plain.helm.skip_crds
    assert not skipped(one, US)
    assert skipped(one, Facts("x", {"region": "asia"}))


def test_kustomize_joins_by_name_and_key() -> None:
    given = {
        "images": ["nginx:1", "redis:2"],
        "replicas": [{"name": "a", "count": 1}],
        "commonLabels": {"x": "1", "y": "1"},
        "namePrefix": "p-",
    }
    over = {
        "images": ["nginx=reg/nginx:9"],
        "replicas": [{"name": "a", "count": "5"}],
        "commonLabels": {"y": "2"},
        "nameSuffix": "-s",
    }
    one = application(source=source(kustomize=given), overrides=[{"clusterSelector": {}, "kustomize": over}])
    (built,) = of(one).sources
    assert built is not None
    found = built.kustomize
    assert found is not None
    assert found.images == ("nginx=reg/nginx:9", "redis:2")
    assert found.replicas == (Replicas("a", 5),)
    assert found.common_labels == (("x", "1"), ("y", "2"))
    assert (found.name_prefix, found.name_suffix) == ("p-", "-s")


@pytest.mark.parametrize(
    ("text", "name"),
    [("nginx:1", "nginx"), ("reg:5000/a/b:2", "reg:5000/a/b"), ("a=b:1", "a"), ("a@sha256:1", "a")],
)
def test_an_image_is_known_by_the_name_that_is_replaced(text: str, name: str) -> None:
    assert image(text) == name


def test_argo_cds_build_environment_is_filled_in_where_argo_cd_does() -> None:
    helm = {
        "parameters": [
            {"name": "n", "value": "$ARGOCD_APP_NAME-${ARGOCD_APP_REVISION_SHORT} $HOME $$ $ARGOCD_NOPE"}
        ],
        "valueFiles": ["$ARGOCD_APP_NAME.yaml", "$values/x.yaml"],
        "values": "a: $ARGOCD_APP_NAME\n",
    }
    (built,) = of(application(source=source(helm=helm))).sources
    assert built is not None
    assert built.helm is not None
    assert built.helm.parameters[0].value == "web-ccccccc $HOME $$ $ARGOCD_NOPE"
    assert built.helm.value_files == ("web.yaml", "$values/x.yaml")
    assert built.helm.values == ("a: $ARGOCD_APP_NAME\n",)
    for on, wanted in ((True, "web"), (False, "$ARGOCD_APP_NAME")):
        given = {"commonAnnotations": {"a": "$ARGOCD_APP_NAME"}, "commonAnnotationsEnvsubst": on}
        (other,) = of(application(source=source(kustomize=given))).sources
        assert other is not None
        assert other.kustomize is not None
        assert other.kustomize.common_annotations == (("a", wanted),)


@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        ({"source": source(path="{{ cluster.labels.none }}")}, FactMissing, "spec.source.path"),
        ({"source": source(path="a/{{ cluster.annotations.up }}")}, InvalidObject, "leaves the repository"),
        ({"namespace": "{{ cluster.version }}"}, InvalidObject, "spec.namespace"),
        (
            {
                "source": source(kustomize={}),
                "overrides": [{"clusterSelector": {}, "helm": {"skipCrds": True}}],
            },
            InvalidObject,
            r"overrides\[0\].helm: no source",
        ),
        (
            {
                "overrides": [
                    {"clusterSelector": {}, "helm": {"skipCrds": True}, "kustomize": {"namePrefix": "a"}}
                ]
            },
            InvalidObject,
            "give this source helm or kustomize",
        ),
        ({"source": source(helm={"values": "a: ['{{ cluster.name }}'"})}, Exception, "not valid YAML"),
    ],
)
def test_what_cannot_be_resolved_names_the_field(
    spec: dict[str, Any], error: type[Exception], words: str
) -> None:
    facts = Facts("eu", EU.labels, {"up": "../.."}, "v1.36.3")
    with pytest.raises(error, match=words):
        of(application(**spec), facts)


def test_the_namespace_is_that_of_each_cluster() -> None:
    one = application(namespace="{{ cluster.labels.region }}-shop")
    assert (filled_namespace(one, EU), filled_namespace(one, US)) == ("eu-shop", "us-shop")


def test_every_value_is_told_with_who_had_the_last_word() -> None:
    given = {
        "valuesObject": {"a": {"b": 1, "d": 4}, "zone": "{{ cluster.annotations.zone }}", "gone": {"x": 1}},
        "parameters": [{"name": "p", "value": "1"}],
    }
    overrides = [*OVERRIDES, {"clusterSelector": {}, "helm": {"valuesObject": {"gone": None}}}]
    one = application(source=source(helm=given), overrides=overrides)
    found = explained(one, EU, [Revision("r", "c")])
    told = {each.what: (each.value, each.by) for each in found.origins}
    assert [number for number, _ in found.overrides] == [0, 1, 3]
    assert found.overrides[0][1] == "region=eu"
    assert told["values.a.b"] == ("2", "spec.overrides[0].helm.valuesObject")
    assert told["values.a.d"] == ("4", "spec.source.helm.valuesObject")
    assert told["values.a.c"] == ("9", "spec.overrides[1].helm.values")
    assert told["values.p"] == ("2", "spec.overrides[0].helm.parameters")
    assert told["values.zone"] == ("Z1", "spec.source.helm.valuesObject")
    assert (
        told["spec.source.helm.valuesObject.zone"] == ("cluster.annotations.zone", "Z1")
        or "Z1" in told["spec.source.helm.valuesObject.zone"]
    )
    assert not any(what.startswith("values.gone") for what in told)
    assert explained(one, Facts("x", {"region": "asia"}), [Revision("r", "c")]).variant is None


def test_several_sources_and_one_that_only_lends_its_files() -> None:
    one = application(
        source=None,
        sources=[
            {
                "repoURL": "https://charts.example",
                "chart": "web",
                "targetRevision": "^1",
                "helm": {"valueFiles": ["$envs/x.yaml"]},
            },
            {"repoURL": "https://git.example/a/envs", "ref": "envs"},
            {"repoURL": "https://git.example/a/more", "path": "more"},
        ],
    )
    chart, lent, more = of(one).sources
    assert lent is None
    assert chart is not None
    assert more is not None
    assert (chart.chart, chart.path, more.path) == ("web", "", "more")
