"""How a render is printed: in the order of applying, with namespaces filled in, and the file of each object."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click
import orjson

from fleet import names
from fleet.documents import write
from fleet.model import GroupKind, Resource
from fleet.sync import order
from fleet.sync.scope import Placed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fleet.model import Manifest, Rendered

_RBAC, _ADMISSION = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
# Kinds without namespace that Kubernetes 1.36 serves by itself; those of CRDs are read from the CRDs of the render.
CLUSTER_SCOPED: Final = frozenset(
    {
        ("", "Namespace"), ("", "Node"), ("", "PersistentVolume"), ("", "ComponentStatus"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"), ("apiregistration.k8s.io", "APIService"),
        (_RBAC, "ClusterRole"), (_RBAC, "ClusterRoleBinding"),
        (_ADMISSION, "MutatingWebhookConfiguration"), (_ADMISSION, "ValidatingWebhookConfiguration"),
        (_ADMISSION, "ValidatingAdmissionPolicy"), (_ADMISSION, "ValidatingAdmissionPolicyBinding"),
        (_ADMISSION, "MutatingAdmissionPolicy"), (_ADMISSION, "MutatingAdmissionPolicyBinding"),
        ("scheduling.k8s.io", "PriorityClass"), ("node.k8s.io", "RuntimeClass"),
        ("storage.k8s.io", "StorageClass"), ("storage.k8s.io", "CSIDriver"), ("storage.k8s.io", "CSINode"),
        ("storage.k8s.io", "VolumeAttachment"), ("storage.k8s.io", "VolumeAttributesClass"),
        ("networking.k8s.io", "IngressClass"), ("networking.k8s.io", "IPAddress"), ("networking.k8s.io", "ServiceCIDR"),
        ("certificates.k8s.io", "CertificateSigningRequest"), ("certificates.k8s.io", "ClusterTrustBundle"),
        ("flowcontrol.apiserver.k8s.io", "FlowSchema"), ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
        ("resource.k8s.io", "DeviceClass"), ("resource.k8s.io", "ResourceSlice"),
    }
)  # fmt: skip


def ordered(rendered: Rendered, namespace: str) -> Iterator[Manifest]:
    """The manifests in the order in which they would be applied, namespaces filled in."""
    scoped = CLUSTER_SCOPED | _defined(rendered.manifests)
    placed = []
    for one in rendered.manifests:
        bare = (one.ref.group, one.ref.kind) in scoped
        ref = one.ref._replace(namespace="" if bare else one.ref.namespace or namespace)
        resource = Resource(ref.group, one.version, ref.kind, ref.kind.lower(), namespaced=not bare)
        placed.append(Placed(replace(one, ref=ref), resource))
    for wave in order.stages(placed):
        for stage in wave.stages:
            yield from (one.manifest for one in stage)


def printed(manifests: Iterable[Manifest], how: str, *, sources: bool) -> None:
    """Print them: ``yaml`` documents, one JSON ``List``, or ``names`` alone."""
    if how == "json":
        items = [_value(one) for one in manifests]
        click.echo(
            orjson.dumps(
                {"apiVersion": "v1", "kind": "List", "items": items}, option=orjson.OPT_INDENT_2
            ).decode()
        )
        return
    for one in manifests:
        source = f"  # {one.origin.path}" if sources else ""
        if how == "names":
            click.echo(f"{one.ref}{source}")
            continue
        click.echo("---")
        if sources:
            click.echo(f"# Source: {one.origin.path}")
        click.echo(write.yaml(_value(one)), nl=False)


def _value(one: Manifest) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(one.body)
    metadata = {key: each for key, each in value["metadata"].items() if key != "namespace"}
    if one.ref.namespace:
        name = metadata.pop("name")
        metadata = {"name": name, "namespace": one.ref.namespace, **metadata}
    return {**value, "metadata": metadata}


def _defined(manifests: Iterable[Manifest]) -> frozenset[tuple[str, str]]:
    """Kinds without namespace that CRDs of the render define."""
    found = set()
    for one in manifests:
        if GroupKind(one.ref.group, one.ref.kind) != GroupKind(
            "apiextensions.k8s.io", "CustomResourceDefinition"
        ):
            continue
        spec = orjson.loads(one.body).get("spec") or {}
        if spec.get("scope") == "Cluster":
            found.add((str(spec.get("group")), str((spec.get("names") or {}).get("kind"))))
    return frozenset(found | {(names.GROUP, "")} - {(names.GROUP, "")})
