"""The takeover list: whose entries are merged into ours, so that what Git drops really goes (H4).

Contract: interactive managers and what an API server writes for nobody in particular always; another tool's
only where its adoption is allowed (`syncPolicy.adopt`). Entries of a subresource never: scale and status
are written by controllers.
"""

from __future__ import annotations

from typing import Final

from fleet.names import FIELD_MANAGER

APPLY: Final = "Apply"

# What gets everything when an object without managedFields is first applied to.
NOBODY: Final = "before-first-apply"

_TOOLS: Final = {
    "helm": ("helm", "Helm"),
    "argocd": ("argocd-controller", "argocd-application-controller", "argocd-server"),
    "flux": ("kustomize-controller", "helm-controller"),
}
# Programs that carry Helm inside put their own version into the name.
_PREFIXES: Final = {"helm": ("terraform-provider-helm",), "argocd": (), "flux": ()}


def taken(manager: str, operation: str, subresource: str, adopt: frozenset[str] = frozenset()) -> bool:
    """Whether an entry of that manager is merged into ours; `adopt` names tools: helm, argocd, flux."""
    if subresource:
        return False
    if manager == FIELD_MANAGER:
        return operation != APPLY
    if manager == NOBODY or manager.startswith("kubectl"):
        return True
    return any(
        manager in _TOOLS.get(tool, ()) or manager.startswith(_PREFIXES.get(tool, ())) for tool in adopt
    )
