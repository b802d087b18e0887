"""Versions of members."""

import pytest

from fleet.clusters import supported


@pytest.mark.parametrize("version", ["v1.33.0", "v1.34.2-eks-1234", "v1.36.3+k3s1"])
def test_supported_ones_pass_in_silence(version: str) -> None:
    assert supported.said(version) == ""


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("v1.32.9", "older than supported (1.33 to 1.36)"),
        ("v1.37.0", "newer than supported"),
        ("v2.0.0", "newer"),
        ("", "does not tell"),
        ("main", "is none"),
    ],
)
def test_others_are_told(version: str, words: str) -> None:
    assert words in supported.said(version)
