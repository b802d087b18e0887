"""Bodies become values, or the path of their first fault."""

from __future__ import annotations

import time

import pytest

from fleet.api.application import Application
from fleet.api.cluster import Cluster
from fleet.api.parse import parse
from fleet.api.project import Project
from fleet.errors import InvalidObject
from tests.unit.api import samples
from tests.unit.api.samples import Body, Faulty


@pytest.mark.parametrize("body", samples.GOOD.values(), ids=samples.GOOD.keys())
def test_a_good_object_becomes_a_value_of_its_kind(body: Body) -> None:
    kinds = {"Application": Application, "Cluster": Cluster, "Project": Project}
    assert type(parse(body["kind"], body)) is kinds[body["kind"]]


@pytest.mark.parametrize(
    "fault",
    [*samples.FAULTY.values(), *samples.UNKNOWN.values()],
    ids=[*samples.FAULTY.keys(), *samples.UNKNOWN.keys()],
)
def test_a_faulty_object_is_refused_with_the_path_of_the_fault(fault: Faulty) -> None:
    with pytest.raises(InvalidObject) as caught:
        parse(fault.kind, samples.faulty(fault))
    assert caught.value.field == fault.field
    assert caught.value.text.startswith(fault.field)


def test_an_unknown_field_is_named_before_what_is_missing_because_of_it() -> None:
    with pytest.raises(InvalidObject) as caught:
        parse("Application", samples.faulty(samples.UNKNOWN["misspelt field"]))
    assert caught.value.text == "spec.source.repoUrl: unknown field (1 more)"


def test_no_error_quotes_a_value() -> None:
    for name in ("server with user", "proxy with password"):
        with pytest.raises(InvalidObject) as caught:
            parse("Cluster", samples.faulty(samples.FAULTY[name]))
        assert "hunter2" not in caught.value.text
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


def test_unknown_metadata_of_a_live_object_is_not_ours_to_judge() -> None:
    body = samples.application()
    body["metadata"] |= {"uid": "u", "aFieldOfKubernetes199": 1, "managedFields": [{"manager": "x"}]}
    assert parse("Application", body).metadata.uid == "u"


@pytest.mark.parametrize("kind", ["Deployment", "application", ""])
def test_other_kinds_are_refused(kind: str) -> None:
    with pytest.raises(InvalidObject) as caught:
        parse(kind, samples.application())
    assert caught.value.field == "kind"


def test_a_body_of_another_kind_or_version_is_refused() -> None:
    with pytest.raises(InvalidObject) as caught:
        parse("Cluster", samples.application())
    assert caught.value.field == "kind"
    with pytest.raises(InvalidObject) as caught:
        parse("Application", {**samples.application(), "apiVersion": "fleethub.dev/v2"})
    assert caught.value.field == "apiVersion"


def test_keys_that_are_no_words_stand_in_brackets_and_are_cut() -> None:
    body = samples.application()
    body["spec"]["a.b\n" + "c" * 200] = 1
    with pytest.raises(InvalidObject) as caught:
        parse("Application", body)
    assert caught.value.field == "spec[a.b?" + "c" * 76 + "]"


def test_ten_thousand_applications_are_read_in_a_second() -> None:
    begun = time.process_time()
    for _ in range(1000):
        parse("Application", samples.EVERYTHING)
    assert time.process_time() - begun < 0.1  # a sixth of it on the machine that this was written on
