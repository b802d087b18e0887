"""The one grammar in which facts of a cluster stand in strings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.facts import Expansion, FactMissing, Facts, mentions

FACTS = Facts(
    "eu-1",
    {"region": "eu", "empty": "", "topology.kubernetes.io/zone": "z1"},
    {"acme.example/zone-id": "Z1", "odd": "{{ cluster.name }}"},
    "v1.36.3",
)


def filled(text: str) -> str:
    return Expansion(FACTS).text(text, "spec.x")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{{ cluster.name }}", "eu-1"),
        ("a-{{cluster.name}}-{{  cluster.version  }}", "a-eu-1-v1.36.3"),
        ("{{ cluster.labels.region }}/{{ cluster.annotations.acme.example/zone-id }}", "eu/Z1"),
        ("{{ cluster.labels.topology.kubernetes.io/zone }}", "z1"),
        ('{{ cluster.labels.none | default "small" }}', "small"),
        ('{{ cluster.labels.region | default "x" }}', "eu"),
        ('{{ cluster.labels.none | default "" }}', ""),
        ('{{ cluster.labels.none | default "a\\"b" }}', 'a"b'),
        ("{{ cluster.annotations.odd }}", "{{ cluster.name }}"),  # what was filled in is not looked at again
        ('{{ .Values.x }} {{ cluster }} {{- if cluster }} {{ include "a" . }} {{', '{{ .Values.x }} {{ cluster }} {{- if cluster }} {{ include "a" . }} {{'),
        ("", ""),
    ],
)  # fmt: skip
def test_facts_are_filled_in_and_everything_else_stays(text: str, wanted: str) -> None:
    assert filled(text) == wanted


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ cluster.labels.none }}", "spec.x: cluster eu-1 has no cluster.labels.none"),
        ("{{ cluster.labels.empty }}", "has no cluster.labels.empty"),
        ("{{ cluster.nope }}", "spec.x: there is no fact cluster.nope"),
        ("{{ cluster.labels }}", "there is no fact cluster.labels"),
        ("{{ cluster.name | upper }}", "stands a fact and at most"),
        ("{{ cluster.name", "stands a fact and at most"),
        ('{{ cluster.labels.none | default "\\q" }}', "the default of cluster.labels.none is no string"),
    ],
)
def test_a_fact_that_is_missing_or_misspelt_is_an_error_that_names_it(text: str, words: str) -> None:
    with pytest.raises(FactMissing) as caught:
        filled(text)
    assert words in caught.value.text
    assert caught.value.field == "spec.x"


@given(st.text(max_size=200).filter(lambda text: "cluster." not in text))
def test_a_text_that_names_no_fact_is_never_changed(text: str) -> None:
    assert filled(text) == text
    assert not mentions(text)


@given(st.text(max_size=50), st.text(min_size=1, max_size=50))
def test_nothing_is_filled_in_twice(around: str, value: str) -> None:
    around = around.replace("{", "").replace("}", "")
    found = Expansion(Facts("x", {"v": value})).text(f"{around}{{{{ cluster.labels.v }}}}{around}", "w")
    assert found == f"{around}{value}{around}"


def test_values_are_walked_and_keys_stay_and_uses_are_told() -> None:
    expansion = Expansion(FACTS)
    value = {"{{ cluster.name }}": ["{{ cluster.name }}", 1, None, {"a": "{{ cluster.labels.region }}"}]}
    assert expansion.value(value, "v") == {"{{ cluster.name }}": ["eu-1", 1, None, {"a": "eu"}]}
    assert expansion.used == {"name": "eu-1", "labels.region": "eu"}
    assert ("v.{{ cluster.name }}[3].a", "cluster.labels.region", "eu") in expansion.places
