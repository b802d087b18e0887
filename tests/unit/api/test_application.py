"""What an Application says, and what it means where it says nothing."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fleet.api.application import DeletionPolicy
from fleet.api.parse import parse
from fleet.model import ApplicationKey
from tests.unit.api import samples


def test_what_is_left_out_has_argo_cds_defaults() -> None:
    spec = parse("Application", samples.application()).spec
    assert spec.project == "default"
    assert spec.source.target_revision == "HEAD"
    assert (spec.source.directory.recurse, spec.source.directory.include) == (False, "*")
    assert spec.sync_policy.automated is None
    assert spec.sync_policy.retry.limit == 5
    assert spec.sync_policy.retry.backoff.max_duration == 180.0
    assert spec.deletion_policy is DeletionPolicy.DELETE


def test_automated_without_fields_neither_prunes_nor_heals() -> None:
    automated = parse(
        "Application", samples.application(syncPolicy={"automated": {}})
    ).spec.sync_policy.automated
    assert automated is not None
    assert (automated.prune, automated.self_heal, automated.allow_empty) == (False, False, False)


def test_durations_are_seconds() -> None:
    assert parse("Application", samples.EVERYTHING).spec.sync_policy.retry.backoff.max_duration == 5400.0


def test_the_key_is_namespace_and_name() -> None:
    assert parse("Application", samples.application()).key == ApplicationKey("fleethub", "hello")


def test_a_model_cannot_be_changed() -> None:
    spec = parse("Application", samples.application()).spec
    with pytest.raises(ValidationError):
        spec.project = "other"


def test_status_is_kept_as_it_is() -> None:
    body = {**samples.application(), "status": {"anything": [None, {"at": "all"}]}}
    assert parse("Application", body).status == {"anything": [None, {"at": "all"}]}
