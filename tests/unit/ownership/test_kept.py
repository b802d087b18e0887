"""Fields that a merge must not take from their holder."""

from __future__ import annotations

import pytest

from fleet.model import ObjectRef
from fleet.ownership.kept import kept

ANNOTATIONS = ("f:metadata", "f:annotations")
TEMPLATE = ("f:spec", "f:template", "f:metadata")


@pytest.mark.parametrize(
    "path",
    [
        ("f:metadata", "f:finalizers", 'v:"x"'),
        ("f:metadata", "f:ownerReferences", 'k:{"uid":"u"}', "f:name"),
        ("f:status", "f:replicas"),
        ("f:spec", "f:replicas"),
        (*TEMPLATE, "f:annotations", "f:kubectl.kubernetes.io/restartedAt"),
        (*ANNOTATIONS, "f:deployment.kubernetes.io/revision"),
        (*ANNOTATIONS, "f:pv.kubernetes.io/bind-completed"),
        ("f:webhooks", 'k:{"name":"x"}', "f:clientConfig", "f:caBundle"),
    ],
)
def test_what_controllers_write_stays_with_them(path: tuple[str, ...]) -> None:
    assert kept(path)


@pytest.mark.parametrize(
    "path",
    [
        ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"web"}', "f:env"),
        ("f:data", "f:status"),
        ("f:metadata", "f:labels", "f:app"),
        ANNOTATIONS,
        (*ANNOTATIONS, "f:kubectl.kubernetes.io/last-applied-configuration"),
        (*TEMPLATE, "f:annotations", "f:other"),
        ("f:spec", "f:selector"),
        ("f:spec", "f:volumeName"),
    ],
)
def test_what_people_write_is_taken(path: tuple[str, ...]) -> None:
    assert not kept(path)
    assert not kept(path, ObjectRef("", "Service", "team", "web"))


@pytest.mark.parametrize(
    ("group", "kind", "path"),
    [
        ("batch", "Job", ("f:spec", "f:selector")),
        ("batch", "Job", ("f:spec", "f:template", "f:metadata", "f:labels", "f:job-name")),
        ("", "PersistentVolumeClaim", ("f:spec", "f:volumeName")),
        ("", "PersistentVolume", ("f:spec", "f:claimRef", "f:name")),
        ("", "Pod", ("f:spec", "f:nodeName")),
        ("", "ServiceAccount", ("f:secrets",)),
    ],
)
def test_what_never_changes_again_stays_on_its_kind_alone(
    group: str, kind: str, path: tuple[str, ...]
) -> None:
    assert kept(path, ObjectRef(group, kind, "team", "x"))
    assert not kept(path, ObjectRef("acme.example", kind, "team", "x"))
