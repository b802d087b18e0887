"""The CRDs, and the files made from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleet import names
from fleet.api import crd
from fleet.documents import read

SHORT = {"app", "apps", "appproj", "appprojs", "appset", "appsets"}  # Argo CD's


def fields(path: str, node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, each in node.get("properties", {}).items():
        yield f"{path}.{name}", each
        yield from fields(f"{path}.{name}", each)
    if "items" in node:
        yield from fields(f"{path}[]", node["items"])


def whole(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = crd.schema(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def test_the_files_are_what_the_models_say() -> None:
    assert crd.stale(crd.FOLDER) == ()


def test_a_stale_a_missing_and_a_foreign_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "applications.yaml").write_text("kind: Old\n")
    (tmp_path / "clusters.yaml").write_text(crd.text(names.CLUSTER))
    (tmp_path / "teams.yaml").write_text("")
    assert crd.stale(tmp_path) == ("applications.yaml", "projects.yaml", "teams.yaml")


def test_the_command_writes_and_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(crd, "FOLDER", tmp_path / "crds")
    assert crd.main(["--check"]) == 1
    assert "crds/applications.yaml is stale" in capsys.readouterr().err
    assert crd.main(["--write"]) == 0
    assert crd.main(["--check"]) == 0
    assert crd.main([]) == 2


@pytest.mark.parametrize("kind", names.HUB_KINDS)
def test_a_file_reads_as_the_manifest(kind: str) -> None:
    assert read.value(crd.text(kind).encode(), path="x.yaml") == crd.schema(kind)


@pytest.mark.parametrize("kind", names.HUB_KINDS)
def test_every_field_has_a_sentence_and_a_type(kind: str) -> None:
    for path, field in fields(kind, whole(kind)):
        assert "type" in field or "x-kubernetes-int-or-string" in field, path
        if path != f"{kind}.metadata":
            assert field["description"].endswith((".", ").")), path


@pytest.mark.parametrize("kind", names.HUB_KINDS)
def test_every_field_has_a_validation(kind: str) -> None:
    """Text and lists are bounded, numbers have a least value; flags and objects are bounded by their type."""
    bounds = {"string": {"maxLength", "enum", "format"}, "array": {"maxItems"}, "integer": {"minimum"}}
    for path, field in fields(kind, whole(kind)):
        if path in (f"{kind}.apiVersion", f"{kind}.kind"):
            continue
        wanted = bounds.get(field.get("type", ""))
        assert wanted is None or wanted & field.keys(), path
        if "additionalProperties" in field:
            assert "maxProperties" in field, path


@pytest.mark.parametrize("kind", names.HUB_KINDS)
def test_kinds_are_namespaced_with_a_status_and_short_names_of_their_own(kind: str) -> None:
    spec = crd.schema(kind)["spec"]
    assert spec["scope"] == "Namespaced"
    assert spec["versions"][0]["subresources"] == {"status": {}}
    assert spec["names"]["shortNames"]
    assert not SHORT & set(spec["names"]["shortNames"])
    assert spec["names"]["categories"] == ["fleethub"]


def test_applications_are_listed_with_sync_health_revision_and_clusters() -> None:
    columns = crd.schema(names.APPLICATION)["spec"]["versions"][0]["additionalPrinterColumns"]
    shown = [column["name"] for column in columns if not column.get("priority")]
    assert shown == ["Sync", "Health", "Revision", "Clusters", "Age"]


def test_each_call_gives_a_new_manifest() -> None:
    crd.schema(names.CLUSTER)["spec"].clear()
    assert crd.schema(names.CLUSTER)["spec"]
