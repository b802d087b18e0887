"""Which files are rendered, and what becomes of their documents."""

from __future__ import annotations

import pytest

from fleet.errors import InvalidObject, LinkRefused, PathNotFound, RendererAmbiguous, SourceTooLarge
from fleet.model import ObjectRef, Parameters, Read, Rendered, Revision
from fleet.render import directory, gather
from fleet.render.directory import PlainYaml
from fleet.render.ground import Trees
from fleet.render.program import NoPrograms
from fleet.render.source import Directory, Source
from tests.unit.render.render_repository import URL, Link, Repository


def _map(name: str, **data: str) -> str:
    lines = "".join(f"  {key}: {value}\n" for key, value in data.items())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n" + (
        f"data:\n{lines}" if lines else ""
    )


def _source(repository: Repository, path: str, options: Directory | None = None) -> Source:
    return Source(URL, Revision(URL, repository.commit), path, options or Directory())


def _names(repository: Repository, path: str = "apps", options: Directory | None = None) -> list[str]:
    inputs = PlainYaml().collect(_source(repository, path, options), Trees(repository.tree()))
    return [file.name for file in inputs.files]


def _built(repository: Repository, path: str = "apps", options: Directory | None = None) -> Rendered:
    renderer, source, ground = PlainYaml(), _source(repository, path, options), Trees(repository.tree())
    return renderer.build(renderer.collect(source, ground), source, ground, Parameters(), NoPrograms())


_TREE = {
    "apps/b.yaml": _map("b"),
    "apps/a.yml": _map("a"),
    "apps/c.json": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}',
    "apps/README.md": "no manifest",
    "apps/sub/d.yaml": _map("d"),
    "apps/sub/deep/e.yaml": _map("e"),
    "other/f.yaml": _map("f"),
}


def test_manifest_files_of_the_directory_count_in_the_order_of_their_names() -> None:
    repository = Repository(_TREE)
    assert _names(repository) == ["a.yml", "b.yaml", "c.json"]
    assert repository.blobs_read == 0
    assert [one.ref.name for one in _built(Repository(_TREE)).manifests] == ["a", "b", "c"]


def test_folders_below_count_only_when_asked_for() -> None:
    found = _names(Repository(_TREE), options=Directory(recurse=True))
    assert found == ["a.yml", "b.yaml", "c.json", "sub/d.yaml", "sub/deep/e.yaml"]


def test_globs_choose_by_the_path_seen_from_the_source() -> None:
    repository = Repository(_TREE)
    assert _names(repository, options=Directory(recurse=True, include="sub/*")) == [
        "sub/d.yaml",
        "sub/deep/e.yaml",
    ]
    assert _names(repository, options=Directory(recurse=True, exclude="{sub/deep/*,*.json}")) == [
        "a.yml",
        "b.yaml",
        "sub/d.yaml",
    ]
    assert _names(repository, options=Directory(include="*.yml")) == ["a.yml"]


def test_a_broken_glob_names_the_field() -> None:
    with pytest.raises(InvalidObject) as error:
        _names(Repository(_TREE), options=Directory(include="{a"))
    assert error.value.field == "spec.source.directory.include"


def test_the_path_may_be_the_root_or_a_single_file() -> None:
    repository = Repository({"x.yaml": _map("x"), "d/y.yaml": _map("z")})
    for root in (".", "", "./", "/"):
        assert _names(repository, root) == ["x.yaml"]
    assert _names(repository, "d/y.yaml") == ["y.yaml"]
    assert _built(repository, "d/y.yaml").manifests[0].origin.path == "d/y.yaml"


def test_an_absent_path_is_told_with_the_commit_and_is_recorded() -> None:
    repository = Repository(_TREE)
    tree = repository.tree()
    with pytest.raises(PathNotFound, match=f"apps/new is not in the commit {repository.commit}"):
        PlainYaml().collect(_source(repository, "apps/new"), Trees(tree))
    assert Read(URL, "apps/new", None) in tree.reads


def test_a_file_that_is_no_manifest_is_not_a_source() -> None:
    with pytest.raises(PathNotFound, match=r"neither a folder nor a \.yaml"):
        _names(Repository(_TREE), "apps/README.md")


def test_each_file_and_each_folder_looked_into_is_among_the_reads() -> None:
    repository = Repository(_TREE)
    source = _source(repository, "apps", Directory(recurse=True))
    inputs = PlainYaml().collect(source, Trees(repository.tree()))
    assert {read.path for read in inputs.reads} == {
        "apps",
        "apps/a.yml",
        "apps/b.yaml",
        "apps/c.json",
        "apps/sub",
        "apps/sub/d.yaml",
        "apps/sub/deep",
        "apps/sub/deep/e.yaml",
    }
    assert all(read.oid for read in inputs.reads)


def test_links_to_files_are_followed_and_each_step_is_recorded() -> None:
    repository = Repository({"apps/l.yaml": Link("../shared/s.yaml"), "shared/s.yaml": _map("s")})
    source, tree = _source(repository, "apps"), repository.tree()
    inputs = PlainYaml().collect(source, Trees(tree))
    assert [(file.path, file.name) for file in inputs.files] == [("shared/s.yaml", "l.yaml")]
    assert {"apps/l.yaml", "shared/s.yaml"} <= {read.path for read in inputs.reads}
    assert _built(repository).manifests[0].ref.name == "s"


def test_links_to_folders_are_not_followed() -> None:
    repository = Repository(
        {"apps/a.yaml": _map("a"), "apps/up": Link(".."), "apps/f.yaml": Link("../d"), "d/x": ""}
    )
    assert _names(repository, options=Directory(recurse=True)) == ["a.yaml"]


@pytest.mark.parametrize(
    ("target", "error"), [("gone.yaml", PathNotFound), ("../../etc/x", LinkRefused), ("l.yaml", LinkRefused)]
)
def test_a_link_that_leads_nowhere_or_out_or_round_fails_the_source(
    target: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        _names(Repository({"apps/l.yaml": Link(target)}))


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization", "Chart.yaml"])
def test_a_kustomize_base_or_helm_chart_is_not_read_as_plain_yaml(name: str) -> None:
    repository = Repository({f"apps/{name}": "x: 1", "apps/a.yaml": _map("a")})
    with pytest.raises(RendererAmbiguous, match=name):
        _names(repository)
    assert _names(repository, options=Directory(exclude=name)) == ["a.yaml"]


def test_a_git_bomb_of_folders_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MOST_FOLDERS", 5)
    files = {f"apps/{a}/{b}/x.yaml": "" for a in range(3) for b in range(3)}
    with pytest.raises(SourceTooLarge, match="folders"):
        _names(Repository(files), options=Directory(recurse=True))


def test_files_and_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MOST_FILES", 2)
    with pytest.raises(SourceTooLarge, match="files"):
        _names(Repository(_TREE))
    monkeypatch.undo()
    monkeypatch.setattr(gather, "MOST_BYTES", 100)
    with pytest.raises(SourceTooLarge):
        _built(Repository(_TREE))


def test_a_fault_in_one_document_hides_no_other_and_names_its_place() -> None:
    bad = _map("a") + "---\nkind: [\n---\n" + "kind: Thing\n---\n" + _map("b")
    found = _built(Repository({"apps/x.yaml": bad, "apps/y.yaml": _map("c")}))
    assert [one.ref.name for one in found.manifests] == ["a", "b", "c"]
    assert [(fault.reason, fault.field) for fault in found.faults] == [
        ("InvalidManifest", ""),
        ("InvalidManifest", "apiVersion"),
    ]
    assert found.faults[0].text.startswith("apps/x.yaml, document 2, line 7: it is not valid YAML")
    assert found.faults[1].text == "apps/x.yaml, document 3, line 8: the object has no apiVersion"


def test_an_object_that_occurs_twice_is_a_fault_of_the_later_one() -> None:
    found = _built(
        Repository({"apps/a.yaml": _map("x", v="1"), "apps/b.yaml": _map("z") + "---\n" + _map("x")})
    )
    assert [(one.ref.name, one.origin.path) for one in found.manifests] == [
        ("x", "apps/a.yaml"),
        ("z", "apps/b.yaml"),
    ]
    (fault,) = found.faults
    assert (fault.ref, fault.reason) == (ObjectRef("", "ConfigMap", "", "x"), "DuplicateManifest")
    assert fault.text == (
        "apps/b.yaml, document 2, line 6: ConfigMap x occurs already in apps/a.yaml, document 1"
    )


def test_an_object_that_occurs_twice_in_one_list_is_a_fault_too() -> None:
    item = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}'
    found = _built(
        Repository({"apps/a.json": f'{{"apiVersion":"v1","kind":"List","items":[{item},{item}]}}'})
    )
    assert (len(found.manifests), [fault.reason for fault in found.faults]) == (1, ["DuplicateManifest"])


def test_a_file_may_be_left_out_by_argo_cds_remark() -> None:
    repository = Repository(
        {"apps/a.yaml": "# +argocd:skip-file-rendering\nnot: [yaml", "apps/b.yaml": _map("b")}
    )
    found = _built(repository)
    assert [one.ref.name for one in found.manifests] == ["b"]
    assert found.faults == ()
