"""In which order objects are sent and removed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.model import ObjectRef, Resource
from fleet.sync.order import backwards, stages

KINDS = [
    ("", "Namespace"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("", "ServiceAccount"),
    ("", "Secret"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
    ("apps", "Deployment"),
    ("batch", "Job"),
    ("ex.dev", "Thing"),
    ("apiregistration.k8s.io", "APIService"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
]


def item(make: Any, group: str, kind: str, wave: int = 0, **more: Any) -> Any:
    return make.placed(Resource(group, "v1", kind, "x", namespaced=True), kind.lower(), wave=wave, **more)


def order(make: Any, *kinds: tuple[str, str]) -> list[list[str]]:
    waves = stages(item(make, *kind) for kind in kinds)
    return [[one.ref.kind for one in stage] for wave in waves for stage in wave.stages]


def test_what_others_need_goes_first_and_what_could_refuse_them_last(make: Any) -> None:
    assert order(make, *reversed(KINDS)) == [
        ["Namespace"],
        ["CustomResourceDefinition"],
        ["Secret", "ServiceAccount"],
        ["RoleBinding"],
        ["Job", "Deployment"],
        ["Thing"],
        ["APIService"],
        ["ValidatingWebhookConfiguration"],
    ]


def test_an_ordinary_application_takes_two_steps(make: Any) -> None:
    kinds = [
        ("apps", "Deployment"),
        ("", "Service"),
        ("", "ServiceAccount"),
        ("", "ConfigMap"),
        ("networking.k8s.io", "Ingress"),
        ("autoscaling", "HorizontalPodAutoscaler"),
        ("policy", "PodDisruptionBudget"),
    ]
    assert len(order(make, *kinds)) == 2


def test_a_token_secret_waits_for_its_account(make: Any) -> None:
    account = item(make, "", "ServiceAccount")
    token = item(make, "", "Secret", type="kubernetes.io/service-account-token")
    (wave,) = stages([token, account])
    assert [[one.ref.kind for one in stage] for stage in wave.stages] == [["ServiceAccount"], ["Secret"]]


def test_waves_come_before_kinds(make: Any) -> None:
    waves = stages([item(make, "", "Namespace", 1), item(make, "apps", "Deployment", -1)])
    assert [(wave.number, wave.stages[0][0].ref.kind) for wave in waves] == [
        (-1, "Deployment"),
        (1, "Namespace"),
    ]


@pytest.mark.parametrize("group", ["ex.dev", "argoproj.io"])
def test_custom_resources_follow_the_workloads(make: Any, group: str) -> None:
    assert order(make, (group, "Thing"), ("apps", "Deployment")) == [["Deployment"], ["Thing"]]


refs = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(-2, 2)), max_size=20)


@given(drawn=refs)
def test_removing_is_applying_backwards(make: Any, drawn: list[tuple[tuple[str, str], int]]) -> None:
    given = [
        make.placed(Resource(group, "v1", kind, "x", namespaced=True), f"n{place}", wave=wave)
        for place, ((group, kind), wave) in enumerate(drawn)
    ]
    forwards = [frozenset(one.ref for one in stage) for wave in stages(given) for stage in wave.stages]
    removed = [frozenset(group) for group in backwards((one.ref, one.manifest.wave) for one in given)]
    assert removed == forwards[::-1]


def test_nothing_has_no_stages() -> None:
    assert stages([]) == ()
    assert backwards([]) == ()


def test_a_ref_alone_is_enough_to_remove() -> None:
    namespace, pod = ObjectRef("", "Namespace", "", "a"), ObjectRef("", "Pod", "a", "p")
    assert backwards([(namespace, 0), (pod, 0)]) == ((pod,), (namespace,))
