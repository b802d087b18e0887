"""Step 2 of a pass: of what an Application names, what its Projects and the cluster's registration let through.

Contract: pure. What is refused is a Fault with its ref, so it stays in the desired set and nothing is pruned for
it; its kind and namespace are not declared. A CustomResourceDefinition that is refused defines nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fleet import names
from fleet.model import Discovery, Fault, GroupKind, Hold, Manifest, ObjectRef, SecretModes, Work
from fleet.projects import objects
from fleet.projects.patterns import REFUSED
from fleet.secrets.arrange import arranged
from fleet.sync import scope
from fleet.sync.scope import CRD, Placed, Scoped
from fleet.worker import bounds
from fleet.worker.bounds import Namespaces


def scoped(work: Work, discovery: Discovery, own_namespace: str, namespaces: Namespaces = None) -> Scoped:
    """The desired set on one cluster, through the walls; ``own_namespace`` is where fleethub keeps inventory.

    ``namespaces`` are those that the registration of the cluster reaches; None: all of it.
    """
    walls = work.target.policy.walls
    hub = work.target.key.cluster == names.HUB_CLUSTER
    # On the hub there is no controller of forms, and what it is told by is never left to one.
    modes = SecretModes() if hub else work.target.policy.secrets
    forms = arranged(work.rendered.manifests, modes, work.target.namespace)
    manifests = forms.manifests
    if objects.open_(walls) and namespaces is None:
        filled = scope.fill(manifests, work.target.namespace, discovery, own_namespace, registers=hub)
        return replace(filled, faults=(*filled.faults, *forms.faults))
    faults: list[Fault] = list(forms.faults)
    rest: list[Manifest] = []
    for manifest in manifests:
        found = None
        if (manifest.ref.group, manifest.ref.kind) == CRD:
            ref = manifest.ref._replace(namespace="")
            found = objects.breach(ref, walls, namespaced=False) or bounds.breach(ref, None, namespaces)
        if found is None:
            rest.append(manifest)
        else:
            faults.append(found)
    filled = scope.fill(rest, work.target.namespace, discovery, own_namespace, registers=hub)
    kept: list[Placed] = []
    for placed in filled.manifests:
        found = objects.breach(
            placed.ref, walls, namespaced=placed.resource.namespaced, body=placed.manifest.body
        ) or bounds.breach(placed.ref, placed.resource, namespaces)
        if found is None:
            kept.append(placed)
        else:
            faults.append(found)
    return replace(filled, manifests=tuple(kept), faults=(*filled.faults, *faults))


def refused(faults: Iterable[Fault]) -> frozenset[ObjectRef]:
    """The objects that a Project refuses, or that are beyond the registration."""
    reasons = (REFUSED, Hold.SCOPE.value)
    return frozenset(one.ref for one in faults if one.reason in reasons and one.ref is not None)


def namespace(work: Work, namespaces: Namespaces = None) -> Fault | None:
    """Why the Application may not make its own namespace."""
    ref = ObjectRef(*GroupKind("", "Namespace"), "", work.target.namespace)
    return objects.breach(ref, work.target.policy.walls, namespaced=False) or bounds.breach(
        ref, None, namespaces
    )
