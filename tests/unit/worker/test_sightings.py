"""What is remembered of members: here, what people added to them."""

from __future__ import annotations

from dataclasses import replace

from fleet.model import Foreign, ObjectRef, Sighting
from fleet.worker.sightings import Sightings

REF = ObjectRef("", "ConfigMap", "team", "a")
ADDED = Foreign(REF, "kubectl-edit", "2026-01-01T00:00:00Z", ("data.x",))
SIGHTING = Sighting("uid", "1", None, None, "set", "")


def test_additions_are_news_once_and_again_when_they_go() -> None:
    sightings = Sightings()
    sightings.put(REF, SIGHTING)
    assert not sightings.added(REF, ())
    assert sightings.added(REF, (ADDED,))
    assert not sightings.added(REF, (ADDED,))
    assert sightings.additions("set") == (ADDED,)
    assert sightings.additions("other") == ()
    assert sightings.added(REF, ())
    assert sightings.foreign(REF) == ()


def test_what_could_not_be_taken_away_stays_known_as_such_until_it_changes() -> None:
    sightings = Sightings()
    sightings.put(REF, SIGHTING)
    refused = replace(ADDED, why="the server refuses")
    sightings.added(REF, (refused,))
    assert not sightings.added(REF, (ADDED,))
    assert sightings.foreign(REF) == (refused,)
    other = replace(ADDED, fields=("data.x", "data.y"))
    assert sightings.added(REF, (other,))
    assert sightings.foreign(REF) == (other,)


def test_they_go_with_the_object() -> None:
    sightings = Sightings()
    sightings.put(REF, SIGHTING)
    sightings.added(REF, (ADDED,))
    sightings.drop(REF)
    assert sightings.additions("set") == ()
