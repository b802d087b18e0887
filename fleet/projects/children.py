"""What an app of apps may hold besides the rule of ``hub_kinds``: its walls on the hub.

Contract: pure. Children land in their parent's namespace unless that is the hub's own. Clusters and Projects are
walls themselves, so only an app of apps of the hub's own namespace that nothing limits may hold them. A limited
one of that namespace takes over nothing that people made there, and puts children only where its Projects admit
Applications.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fleet import names
from fleet.model import ApplicationKey, Fault, ObjectRef
from fleet.projects import rules
from fleet.projects.patterns import REFUSED

if TYPE_CHECKING:
    from fleet.projects.sources import Chain

Unheld = Callable[[ApplicationKey], bool]
"""Whether an Application exists that no app of apps holds."""


def refusal(ref: ObjectRef, chain: Chain, unheld: Unheld) -> Fault | None:
    """Why the chain's Application may not hold the object, whose namespace is filled in."""
    here, own = chain.key.namespace, chain.own
    unlimited = chain.unlimited and here == own
    if ref.kind in (names.CLUSTER, names.PROJECT) and not unlimited:
        if here != own:
            text = (
                f"an app of apps outside namespace {own} may hold no {ref.kind}: it would move its own walls"
            )
        else:
            limiting = ", ".join(_limiting(chain))
            text = f"an app of apps that Project {limiting} limits may hold no {ref.kind}: it would move its own walls"
        return Fault(ref, REFUSED, text)
    if unlimited:
        return None
    if here != own:
        if ref.namespace != here:
            text = f"a child of an app of apps in namespace {here} stays there, and this one names {ref.namespace}"
            return Fault(ref, REFUSED, text, "metadata.namespace")
        return None
    for link, project in chain.projects:
        if not rules.everything(project) and not rules.admits(project, ref.namespace, own):
            text = (
                f"Project {link.name} (sourceNamespaces) does not admit children in namespace {ref.namespace}"
            )
            return Fault(ref, REFUSED, text, "metadata.namespace")
    if ref.namespace == own and unheld(ApplicationKey(ref.namespace, ref.name)):
        text = (
            f"Application {ref.namespace}/{ref.name} exists and no app of apps made it: one that Project "
            f"{', '.join(_limiting(chain))} limits does not take it over"
        )
        return Fault(ref, REFUSED, text)
    return None


def _limiting(chain: Chain) -> list[str]:
    return [link.name for link, project in chain.projects if not rules.everything(project)]
