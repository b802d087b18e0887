"""Where a key of an ExternalSecret leads: the operator's rules, as a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.secrets.segments import PathRefused
from fleet.secrets.stores import paths
from fleet.secrets.vault.address import KvPath


@pytest.mark.parametrize(
    ("mount", "engine", "key", "wanted"),
    [
        ("secret", 2, "foo", KvPath("secret", "foo", 2)),
        ("secret", 1, "foo", KvPath("secret", "foo", 1)),
        ("secret", 2, "secret/foo", KvPath("secret", "foo", 2)),
        ("secret", 1, "secret/foo", KvPath("secret", "foo", 1)),
        ("secret", 2, "secret/data/foo", KvPath("secret", "foo", 2)),
        ("secret", 1, "secret/data/foo", KvPath("secret", "data/foo", 1)),
        ("secret", 2, "data/foo", KvPath("secret", "data/foo", 2)),
        ("secret", 2, "secret/secret/foo", KvPath("secret", "secret/foo", 2)),
        ("secret", 2, "secret/data/data/foo", KvPath("secret", "data/foo", 2)),
        ("secret", 2, "secretfoo/a", KvPath("secret", "secretfoo/a", 2)),
        ("secret/path", 2, "foo", KvPath("secret/path", "foo", 2)),
        ("secret/path", 2, "secret/path/foo", KvPath("secret/path", "foo", 2)),
        ("secret/path", 2, "secret/path/data/foo", KvPath("secret/path", "foo", 2)),
        ("secret/path", 2, "secret/foo", KvPath("secret/path", "secret/foo", 2)),
        ("", 2, "secret/path/foo", KvPath("secret", "path/foo", 2)),
        ("", 2, "secret/path/data/foo", KvPath("secret/path", "foo", 2)),
        ("", 2, "secret/data/foo", KvPath("secret", "foo", 2)),
        ("", 2, "secret/data/a/data/b", KvPath("secret", "a/data/b", 2)),
        ("", 1, "secret/path/foo", KvPath("secret", "path/foo", 1)),
        ("", 1, "secret/data/foo", KvPath("secret", "data/foo", 1)),
        ("", 2, "data/foo", KvPath("data", "foo", 2)),
    ],
)
def test_a_key_leads_where_the_operator_would_read(mount: str, engine: int, key: str, wanted: KvPath) -> None:
    assert paths.locate(mount, engine, key, "f") == wanted


@pytest.mark.parametrize(
    ("mount", "key"),
    [
        ("", "foo"),
        ("", ""),
        ("m", ""),
        ("m", "m/"),
        ("m", "m/data/"),
        ("m", "/foo"),
        ("m", "a/../b"),
        ("", "/data/x"),
        ("m/", "x"),
        ("m", "m/data/../x"),
    ],
)
def test_what_leads_nowhere_or_up_is_refused(mount: str, key: str) -> None:
    with pytest.raises(PathRefused):
        paths.locate(mount, 2, key, "f")


@given(st.sampled_from(["", "m", "m/n"]), st.sampled_from([1, 2]), st.text("amn/.d", max_size=12))
def test_no_key_climbs_out_of_its_mount(mount: str, engine: int, key: str) -> None:
    try:
        found = paths.locate(mount, engine, key, "f")
    except PathRefused:
        return
    assert not mount or found.mount == mount
    assert not {"", ".", ".."} & set(str(found).split("/"))
