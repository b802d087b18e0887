"""Values that the tests of this room share; no server."""

from __future__ import annotations

import pytest

from fleet.clock import Clock
from fleet.model import Resource


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def configmaps() -> Resource:
    return Resource("", "v1", "ConfigMap", "configmaps", namespaced=True)


@pytest.fixture
def deployments() -> Resource:
    return Resource("apps", "v1", "Deployment", "deployments", namespaced=True)
