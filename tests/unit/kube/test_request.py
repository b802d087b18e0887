"""fleet.kube.request: values in, values out."""

from __future__ import annotations

import pytest

from fleet.kube.request import Request


@pytest.mark.parametrize("verb", ["GET", "HEAD", "OPTIONS"])
def test_reads_do_not_write(verb: str) -> None:
    assert not Request(verb, "/api").writes


@pytest.mark.parametrize("verb", ["PUT", "POST", "PATCH", "DELETE"])
def test_all_else_writes(verb: str) -> None:
    assert Request(verb, "/api").writes


def test_a_dry_run_does_not_write() -> None:
    assert not Request("PATCH", "/api", query=(("force", "true"), ("dryRun", "All"))).writes
