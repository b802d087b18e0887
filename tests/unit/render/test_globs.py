"""Globs against the recorded answers of gobwas/glob v0.2.3, which Argo CD uses, and our own choices."""

from __future__ import annotations

import time

import pytest

from fleet.render.globs import compiled

_PATHS = (
    "a.yaml", "ab.yaml", "b.yaml", "d/a.yaml", "env/a.yaml", "env-usw2/x/y.yml", "config.json", "x/y.yaml",
    "x/z/y.yaml", ".yaml", "*.yaml", "{a}", "a,b", "c", "^.yaml", "0.yaml", "-a", "ad", "a", "]", "!.yaml",
)  # fmt: skip
_YAML = {path for path in _PATHS if path.endswith(".yaml")}


@pytest.mark.parametrize(
    ("glob", "paths"),
    [
        ("*", set(_PATHS)),
        ("**", set(_PATHS)),
        ("*.yaml", _YAML),
        ("**/*.yaml", {"d/a.yaml", "env/a.yaml", "x/y.yaml", "x/z/y.yaml"}),
        ("{*.yml,*.yaml}", _YAML | {"env-usw2/x/y.yml"}),
        ("{config.json,env-usw2/*}", {"config.json", "env-usw2/x/y.yml"}),
        ("env/*", {"env/a.yaml"}),
        ("a?.yaml", {"ab.yaml"}),
        ("d?a.yaml", {"d/a.yaml"}),
        ("[ab].yaml", {"a.yaml", "b.yaml"}),
        ("[a-c].yaml", {"a.yaml", "b.yaml"}),
        ("[!a-c].yaml", {"*.yaml", "^.yaml", "0.yaml", "!.yaml"}),
        ("[^a].yaml", {"a.yaml", "^.yaml"}),
        ("[a!].yaml", {"a.yaml", "!.yaml"}),
        ("[-a]d", {"ad"}),
        (r"\*.yaml", {"*.yaml"}),
        (r"\{a\}", {"{a}"}),
        (r"{a\,b,c}", {"a,b", "c"}),
        (r"[\]]", {"]"}),
        ("[*].yaml", {"*.yaml"}),
        ("{a,b{c,.yaml}}", {"a", "b.yaml"}),
        ("{,a}.yaml", {".yaml", "a.yaml"}),
        ("a,b", {"a,b"}),
        ("a\\", {"a"}),
        ("x/**/y.yaml", {"x/y.yaml", "x/z/y.yaml"}),
        ("x.yaml", set()),
    ],
)
def test_a_glob_names_the_paths_that_it_names_in_argo_cd(glob: str, paths: set[str]) -> None:
    assert {path for path in _PATHS if compiled(glob).matches(path)} == paths


@pytest.mark.parametrize("glob", ["[a", "[]", "{a", "a}b{", "{a,b}}{", "[z-a]", "{" * 50, "{a,b}" * 9])
def test_a_broken_or_exploding_glob_is_an_error_that_does_not_quote_it(glob: str) -> None:
    with pytest.raises(ValueError, match=r"^it") as error:
        compiled(glob)
    assert glob not in str(error.value)


def test_ranges_and_characters_may_mix() -> None:
    assert compiled("[a-z0-9_].yaml").matches("5.yaml")
    assert not compiled("[a-z0-9_].yaml").matches("A.yaml")


def test_matching_takes_no_more_than_moments_whatever_the_glob() -> None:
    begin = time.perf_counter()
    assert not compiled("*a" * 60 + "*b").matches("a" * 1000)
    assert time.perf_counter() - begin < 0.5
