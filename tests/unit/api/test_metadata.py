"""Metadata as the hub reads it."""

from __future__ import annotations

from fleet.api.parse import parse
from tests.unit.api import samples


def test_times_become_seconds_and_a_flag() -> None:
    body = samples.application()
    body["metadata"] |= {
        "uid": "u",
        "creationTimestamp": "1970-01-01T00:01:00Z",
        "deletionTimestamp": "1970-01-01T00:02:00Z",
        "finalizers": ["fleethub.dev/placed"],
        "resourceVersion": "12",
        "generation": 3,
    }
    metadata = parse("Application", body).metadata
    assert (metadata.created, metadata.deleting) == (60.0, True)
    assert (metadata.finalizers, metadata.resource_version, metadata.generation) == (
        ("fleethub.dev/placed",),
        "12",
        3,
    )


def test_nulls_read_as_absent_as_kubernetes_reads_them() -> None:
    body = samples.application()
    body["metadata"] |= dict.fromkeys(
        ("labels", "annotations", "finalizers", "creationTimestamp", "deletionTimestamp", "uid")
    )
    metadata = parse("Application", body).metadata
    assert (dict(metadata.labels), dict(metadata.annotations), metadata.finalizers) == ({}, {}, ())
    assert (metadata.created, metadata.deleting, metadata.uid) == (0.0, False, "")
