"""A list of registrations, in each of its shapes, and what is said of one that does not read."""

from __future__ import annotations

import json

import pytest

from fleet.cli.cluster import entries
from fleet.cli.cluster.entries import Entry, Way
from fleet.errors import RegistrationError

EU = {"name": "eu", "memberKubeconfig": "eu.yaml", "labels": {"env": "dev"}}
US = {"name": "us", "memberKubeconfig": "us.yaml"}
BOTH = (Entry("eu", "eu.yaml", labels={"env": "dev"}), Entry("us", "us.yaml"))


def read(value: object) -> tuple[Entry, ...]:
    return entries.read(json.dumps(value).encode(), path="list")


def output(value: object) -> dict[str, object]:
    return {"sensitive": False, "type": "string", "value": value}


@pytest.mark.parametrize(
    "value",
    [
        [EU, US],
        {"clusters": [EU, US]},
        {"eu": {"memberKubeconfig": "eu.yaml", "labels": {"env": "dev"}}, "us": US},
        {"a": output(EU), "b": output(US), "url": output("https://hub"), "none": output([])},
        {"all": output([EU, US])},
        {"all": output({"eu": EU, "us": {"memberKubeconfig": "us.yaml"}})},
    ],
    ids=["list", "clusters", "by name", "an output each", "a list as output", "by name as output"],
)
def test_each_shape_reads_as_the_same_entries(value: object) -> None:
    assert read(value) == BOTH


def test_yaml_reads_and_an_entry_may_say_all_there_is() -> None:
    text = b"""
    - name: eu
      memberKubeconfig: eu.yaml
      memberContext: admin
      server: https://eu.example
      ca: eu.pem
      tlsServerName: kubernetes
      proxy: http://proxy.example:3128
      labels: {env: dev}
      annotations: {zone: Z1}
      namespaces: [shop]
    """
    assert entries.read(text, path="list") == (
        Entry(
            "eu",
            "eu.yaml",
            "admin",
            Way("https://eu.example", "eu.pem", "kubernetes", "http://proxy.example:3128"),
            {"env": "dev"},
            {"zone": "Z1"},
            ("shop",),
        ),
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "holds no registration"),
        ({"url": output("https://hub")}, "holds no registration"),
        ("text", "neither a list"),
        ([{"name": "eu"}], "eu: memberKubeconfig is required"),
        ([{"memberKubeconfig": "x"}], "entry 1: name is required"),
        ([{**EU, "memberKubeConfig": "x"}], "did you mean memberKubeconfig"),
        ([{**EU, "token": "hunter2"}], "unknown field 'token'"),
        ([{**EU, "labels": {"a": 1}}], "eu: labels must be an object of strings"),
        ([{**EU, "namespaces": "shop"}], "eu: namespaces must be a list"),
        ([{**EU, "namespaces": []}], "eu: namespaces names no namespace"),
        ([{**EU, "namespaces": ["Shop"]}], "eu: namespaces holds what is no name"),
        ([{**EU, "namespaces": ["a"], "scope": "impersonate"}], "eu: namespaces are a scope"),
        ([EU, EU], "names eu twice"),
    ],
)
def test_what_does_not_read_is_said_by_entry_and_field(value: object, words: str) -> None:
    with pytest.raises(RegistrationError) as caught:
        read(value)
    assert words in caught.value.text
    assert "hunter2" not in caught.value.text


def test_a_file_that_is_no_document_is_named_without_its_content() -> None:
    with pytest.raises(RegistrationError) as caught:
        entries.read(b"- hunter2: [", path="list")
    assert "hunter2" not in caught.value.text
