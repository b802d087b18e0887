"""Argo CD's build environment: ``$ARGOCD_APP_NAME`` and its like, filled in where Argo CD does that.

Contract: pure. Only names that exist are replaced; any other ``$`` stays as it is, where Argo CD takes it away.
The list: Argo CD's page "Build Environment" (v3); ``KUBE_API_VERSIONS`` is not among them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fleet.api.application import Application
    from fleet.api.source import Source
    from fleet.facts import Facts
    from fleet.model import Revision

_NAME: Final = re.compile(r"\$(?:\{([A-Z][A-Z0-9_]*)\}|([A-Z][A-Z0-9_]*))")


def environment(
    application: Application, source: Source, at: Revision, facts: Facts, namespace: str
) -> Mapping[str, str]:
    """The variables for one source at one revision."""
    return {
        "ARGOCD_APP_NAME": application.metadata.name,
        "ARGOCD_APP_NAMESPACE": namespace,
        "ARGOCD_APP_PROJECT_NAME": application.spec.project,
        "ARGOCD_APP_REVISION": at.commit,
        "ARGOCD_APP_REVISION_SHORT": at.commit[:7],
        "ARGOCD_APP_REVISION_SHORT_8": at.commit[:8],
        "ARGOCD_APP_SOURCE_PATH": source.path,
        "ARGOCD_APP_SOURCE_REPO_URL": source.repo_url,
        "ARGOCD_APP_SOURCE_TARGET_REVISION": source.target_revision,
        "KUBE_VERSION": facts.version.removeprefix("v"),
    }


def filled(text: str, variables: Mapping[str, str]) -> str:
    """The text with the variables that it names."""

    def value(found: re.Match[str]) -> str:
        return variables.get(found[1] or found[2], found[0])

    return _NAME.sub(value, text) if "$" in text else text
