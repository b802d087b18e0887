"""The key, the cache and the look-ups of a render."""

from __future__ import annotations

import pytest

from fleet.errors import LinkRefused, PathNotFound
from fleet.model import Parameters, Read, Revision
from fleet.render.cache import RenderCache
from fleet.render.ground import Trees
from fleet.render.program import NoPrograms
from fleet.render.render import Tools, render
from fleet.render.source import Directory, Source
from tests.unit.render.render_repository import URL, Link, Repository

_A = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
_B = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n"


def _source(path: str = "apps", options: Directory | None = None, commit: str = "c" * 40) -> Source:
    return Source(URL, Revision(URL, commit), path, options or Directory())


async def test_a_hit_builds_nothing_and_reads_no_file() -> None:
    cache = RenderCache()
    first = await render(
        _source(), Trees(Repository({"apps/a.yaml": _A}).tree()), Parameters(), Tools(cache), NoPrograms()
    )
    later = Repository({"apps/a.yaml": _A, "elsewhere/b.yaml": _B}, commit="d" * 40)
    second = await render(
        _source(commit="d" * 40), Trees(later.tree()), Parameters(), Tools(cache), NoPrograms()
    )
    assert second.manifests is first.manifests
    assert second.key == first.key != ""
    assert (later.blobs_read, cache.builds, cache.hits) == (0, 1, 1)


async def test_reads_are_those_of_the_commit_that_was_looked_into() -> None:
    cache = RenderCache()
    first = await render(
        _source(), Trees(Repository({"apps/a.yaml": _A}).tree()), Parameters(), Tools(cache), NoPrograms()
    )
    other = Repository({"apps/a.yaml": _A, "apps/README.md": "text"})
    second = await render(_source(), Trees(other.tree()), Parameters(), Tools(cache), NoPrograms())
    assert first.key == second.key
    assert {read.path for read in second.reads} == {"apps", "apps/a.yaml"}
    assert first.reads != second.reads  # the folder's listing differs


@pytest.mark.parametrize(
    ("files", "source", "parameters"),
    [
        ({"apps/a.yaml": _B}, _source(), Parameters()),
        ({"apps/b.yaml": _A}, _source(), Parameters()),
        ({"apps/a.yaml": _A, "apps/b.yaml": _B}, _source(), Parameters()),
        ({"apps/a.yaml": _A}, _source(options=Directory(recurse=True)), Parameters()),
        ({"apps/a.yaml": _A}, _source(options=Directory(include="*.yaml")), Parameters()),
        ({"other/a.yaml": _A}, _source("other"), Parameters()),
    ],
)
async def test_whatever_decides_the_result_is_in_the_key(
    files: dict[str, str], source: Source, parameters: Parameters
) -> None:
    cache = RenderCache()
    first = await render(
        _source(), Trees(Repository({"apps/a.yaml": _A}).tree()), Parameters(), Tools(cache), NoPrograms()
    )
    second = await render(source, Trees(Repository(files).tree()), parameters, Tools(cache), NoPrograms())
    assert first.key != second.key
    assert cache.builds == 2


async def test_the_reads_of_a_failure_are_on_the_error() -> None:
    repository = Repository({"apps/a.yaml": _A})
    with pytest.raises(PathNotFound) as error:
        await render(
            _source("apps/new/deep"),
            Trees(repository.tree()),
            Parameters(),
            Tools(RenderCache()),
            NoPrograms(),
        )
    assert {Read(URL, "apps/new", None), Read(URL, "apps/new/deep", None)} <= error.value.reads
    linked = Repository({"apps/a.yaml": Link("../../out.yaml")})
    with pytest.raises(LinkRefused) as refused:
        await render(_source(), Trees(linked.tree()), Parameters(), Tools(RenderCache()), NoPrograms())
    assert "apps/a.yaml" in {read.path for read in refused.value.reads}


async def test_a_render_with_faults_is_kept_like_any_other() -> None:
    cache = RenderCache()
    for _ in range(2):
        found = await render(
            _source(),
            Trees(Repository({"apps/a.yaml": "a: ["}).tree()),
            Parameters(),
            Tools(cache),
            NoPrograms(),
        )
        assert len(found.faults) == 1
    assert cache.builds == 1
