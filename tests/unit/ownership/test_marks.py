"""Other tools' objects are known by the marks that the tools themselves go by (H9)."""

from __future__ import annotations

import pytest

from fleet.model import ObjectRef
from fleet.names import APPLYSET_PART_OF, MANIFEST
from fleet.ownership.marks import Owner, held_by, other_owner
from tests.unit.ownership.objects import LABEL, SET, meta, ours, record

RELEASE = {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "team"}
BY_HELM = {"app.kubernetes.io/managed-by": "Helm"}
TRACKED = {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:team/web"}
INSTANCE = {"app.kubernetes.io/instance": "shop"}
KUSTOMIZATION = {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux"}
HELM_RELEASE = {"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "flux"}
ARGO = record("argocd-controller", "Apply", {"f:spec": {}})


@pytest.mark.parametrize(
    ("labels", "annotations", "entry", "owner"),
    [
        (BY_HELM, RELEASE, None, Owner("helm", "team/shop")),
        ({}, TRACKED, None, Owner("argocd", "shop")),
        (INSTANCE, {}, ARGO, Owner("argocd", "shop")),
        ({"argocd.argoproj.io/instance": "shop"}, {}, None, Owner("argocd", "shop")),
        (KUSTOMIZATION, {}, None, Owner("flux", "flux/shop")),
        (HELM_RELEASE, {}, None, Owner("flux", "flux/shop")),
        # Flux installs charts with Helm's own marks: Flux would come back, so it is the owner.
        (HELM_RELEASE | BY_HELM, RELEASE, None, Owner("flux", "flux/shop")),
        ({APPLYSET_PART_OF: "applyset-x-v1"}, {}, None, Owner("applyset", "applyset-x-v1")),
        # No marks: a chart rendered by us, a label that charts write, a copied tracking id.
        (BY_HELM, {}, None, None),
        ({}, RELEASE, None, None),
        (INSTANCE, {}, None, None),
        ({}, {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:team/other"}, None, None),
        ({}, {"argocd.argoproj.io/tracking-id": "shop:apps/ReplicaSet:team/web"}, None, None),
        ({}, {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:other/web"}, None, None),
        ({}, {"argocd.argoproj.io/tracking-id": "odd"}, None, None),
        ({}, {}, None, None),
    ],
)
def test_marks(
    labels: dict[str, str],
    annotations: dict[str, str],
    entry: dict[str, object] | None,
    owner: Owner | None,
) -> None:
    records = [entry] if entry else []
    assert other_owner(meta(*records, labels=labels, annotations=annotations)) == owner


def test_a_tracking_id_of_a_cluster_wide_object_names_any_namespace() -> None:
    ref = ObjectRef("", "Namespace", "", "team")
    tracked = {"argocd.argoproj.io/tracking-id": "shop:/Namespace:argocd/team"}
    assert other_owner(meta(ref=ref, labels={}, annotations=tracked)) == Owner("argocd", "shop")


def test_a_member_of_ours_has_no_other_owner_whatever_git_wrote_on_it() -> None:
    assert other_owner(meta(ours(), labels={APPLYSET_PART_OF: SET} | BY_HELM, annotations=RELEASE)) is None


def test_an_object_that_lost_our_entry_is_nobody_elses() -> None:
    lost = meta(record("before-first-apply", "Update", LABEL))
    assert other_owner(lost) is None
    copied = meta(record("kube-controller-manager", "Update", LABEL), annotations={})
    assert other_owner(copied) == Owner("applyset", SET)
    assert other_owner(copied, {SET}) is None
    assert MANIFEST in lost.annotations


def test_the_fields_of_a_mark_are_those_that_the_object_bears() -> None:
    every = meta(labels=BY_HELM | KUSTOMIZATION | INSTANCE, annotations=RELEASE | TRACKED)
    assert {path[-1] for path in held_by(every, {"helm"})} == {f"f:{key}" for key in BY_HELM | RELEASE}
    assert {path[-1] for path in held_by(every, {"flux"})} == {f"f:{key}" for key in KUSTOMIZATION}
    assert {path[-1] for path in held_by(every, {"argocd"})} == {f"f:{key}" for key in TRACKED}
    assert held_by(meta(labels={"app.kubernetes.io/managed-by": "us"}), {"helm"}) == frozenset()
