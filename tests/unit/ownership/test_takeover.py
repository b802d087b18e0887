"""Whose entries are merged into ours."""

from __future__ import annotations

import pytest

from fleet.ownership.takeover import taken


@pytest.mark.parametrize(
    ("manager", "operation", "subresource", "adopt", "expected"),
    [
        ("kubectl-client-side-apply", "Update", "", (), True),
        ("kubectl-create", "Update", "", (), True),
        ("kubectl", "Apply", "", (), True),
        ("before-first-apply", "Update", "", (), True),
        ("fleethub", "Update", "", (), True),
        ("fleethub", "Apply", "", (), False),
        ("kubectl", "Update", "scale", (), False),
        ("before-first-apply", "Update", "status", (), False),
        ("kube-controller-manager", "Update", "", ("helm", "argocd", "flux"), False),
        ("helm", "Update", "", (), False),
        ("helm", "Update", "", ("helm",), True),
        ("Helm", "Apply", "", ("helm",), True),
        ("terraform-provider-helm_v3.0.2_x5", "Update", "", ("helm",), True),
        ("helm-controller", "Apply", "", ("helm",), False),
        ("helm-controller", "Apply", "", ("flux",), True),
        ("kustomize-controller", "Apply", "", ("flux",), True),
        ("argocd-controller", "Apply", "", ("argocd",), True),
        ("argocd-application-controller", "Update", "", ("argocd",), True),
        ("argocd-controller", "Apply", "", ("flux", "unheard-of"), False),
    ],
)
def test_the_takeover_list(
    manager: str, operation: str, subresource: str, adopt: tuple[str, ...], *, expected: bool
) -> None:
    assert taken(manager, operation, subresource, frozenset(adopt)) is expected
