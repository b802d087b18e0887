"""A document as manifests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fleet.model import ObjectRef, Origin
from fleet.render.manifest import NotManifest, Place, manifest, unfold

_AT = Place("apps/a.yaml", 1, 7)


def _object(**metadata: Any) -> dict[str, Any]:
    return {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "web", **metadata}}


def _noted(**annotations: Any) -> dict[str, Any]:
    return _object(
        annotations={key.replace("__", "/").replace("_", "-"): value for key, value in annotations.items()}
    )


def test_a_manifest_holds_the_object_as_written() -> None:
    value = _object(namespace="shop")
    value["spec"] = {"z": None, "a": [1, 1.5, "é"]}
    made = manifest(value, _AT)
    assert made.ref == ObjectRef("apps", "Deployment", "shop", "web")
    assert (made.version, made.origin) == ("v1", Origin("apps/a.yaml", 1))
    assert (
        made.body
        == (
            '{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"web","namespace":"shop"},'
            '"spec":{"z":null,"a":[1,1.5,"é"]}}'
        ).encode()
    )
    assert (made.wave, made.hook, made.options) == (0, "", frozenset())


def test_the_core_group_is_empty_and_a_namespace_may_be_left_out() -> None:
    value = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": None}}
    assert manifest(value, _AT).ref == ObjectRef("", "ConfigMap", "", "c")


def test_integers_of_any_length_are_written_as_the_reader_gave_them() -> None:
    value = _object()
    value["spec"] = {"n": 18446744073709552000, "m": 18446744073709551615}
    assert json.loads(manifest(value, _AT).body)["spec"] == value["spec"]


@pytest.mark.parametrize(
    ("change", "field", "text"),
    [
        ({"apiVersion": None}, "apiVersion", "the object has no apiVersion"),
        ({"apiVersion": 1}, "apiVersion", "apiVersion is not a string"),
        ({"apiVersion": "a/b/c"}, "apiVersion", "neither version nor group/version"),
        ({"apiVersion": "/v1"}, "apiVersion", "neither version nor group/version"),
        ({"kind": ""}, "kind", "the object has no kind"),
        ({"metadata": None}, "metadata", "Deployment has no metadata"),
        ({"metadata": {}}, "metadata.name", "Deployment has no name"),
        ({"metadata": {"name": 12}}, "metadata.name", "not a string: quote it"),
        ({"metadata": {"name": "a/b"}}, "metadata.name", "does not allow"),
        ({"metadata": {"name": ".."}}, "metadata.name", "does not allow"),
        ({"metadata": {"name": "a%2f"}}, "metadata.name", "does not allow"),
        ({"metadata": {"name": "a\nb"}}, "metadata.name", "does not allow"),
        ({"metadata": {"name": "a", "namespace": True}}, "metadata.namespace", "not a string: quote it"),
        ({"metadata": {"generateName": "a-"}}, "metadata.generateName", "generateName in place of a name"),
        ({"metadata": {"name": "a", "annotations": ["b"]}}, "metadata.annotations", "no mapping"),
    ],
)
def test_what_cannot_be_applied_is_told_with_its_place_and_field(
    change: dict[str, Any], field: str, text: str
) -> None:
    with pytest.raises(NotManifest) as error:
        manifest(_object() | change, _AT)
    assert error.value.field == field
    assert error.value.text.startswith("apps/a.yaml, document 2, line 7: ")
    assert text in error.value.text


@pytest.mark.parametrize(("wave", "number"), [("-5", -5), ("+3", 3), (" 2 ", 2), ("", 0)])
def test_a_sync_wave_is_an_integer(wave: str, number: int) -> None:
    assert manifest(_noted(argocd_argoproj_io__sync_wave=wave), _AT).wave == 0
    assert manifest(_object(annotations={"argocd.argoproj.io/sync-wave": wave}), _AT).wave == number


@pytest.mark.parametrize("wave", ["first", "1.5", "9999999999", "٣"])
def test_any_other_sync_wave_is_a_fault_that_does_not_quote_it(wave: str) -> None:
    with pytest.raises(NotManifest, match="the sync wave is not an integer") as error:
        manifest(_object(annotations={"fleethub.dev/sync-wave": wave}), _AT)
    assert wave not in error.value.text
    assert error.value.ref == ObjectRef("apps", "Deployment", "", "web")


def test_an_unquoted_wave_is_told_to_be_quoted() -> None:
    with pytest.raises(NotManifest, match=r"argocd\.argoproj\.io/sync-wave is not a string: quote it"):
        manifest(_object(annotations={"argocd.argoproj.io/sync-wave": 5}), _AT)


def test_our_annotation_wins_over_argo_cds_and_options_of_both_count() -> None:
    made = manifest(
        _object(
            annotations={
                "argocd.argoproj.io/sync-wave": "1",
                "fleethub.dev/sync-wave": "2",
                "argocd.argoproj.io/sync-options": "Prune=false, Replace=true",
                "fleethub.dev/sync-options": "Delete=false,",
            }
        ),
        _AT,
    )
    assert made.wave == 2
    assert made.options == {"Prune=false", "Replace=true", "Delete=false"}


@pytest.mark.parametrize(
    ("annotations", "hook"),
    [
        ({"argocd.argoproj.io/hook": "PreSync"}, "PreSync"),
        ({"argocd.argoproj.io/hook": "PreSync,Sync"}, "PreSync,Sync"),
        ({"argocd.argoproj.io/hook": ""}, ""),
        ({"helm.sh/hook": "pre-install"}, "pre-install"),
        ({"helm.sh/hook": "crd-install"}, ""),
        ({"helm.sh/hook": "pre-install", "argocd.argoproj.io/hook": "Skip"}, "Skip"),
        ({}, ""),
    ],
)
def test_hooks_of_argo_cd_and_helm_are_told_apart_from_ordinary_objects(
    annotations: dict[str, str], hook: str
) -> None:
    assert manifest(_object(annotations=annotations), _AT).hook == hook


def test_lists_unfold_and_items_of_a_typed_list_take_its_kind() -> None:
    inner = _object()
    value = {"apiVersion": "v1", "kind": "List", "items": [inner, {"kind": "List", "items": [inner]}]}
    assert list(unfold(value, _AT)) == [inner, inner]
    typed = {"apiVersion": "v1", "kind": "ConfigMapList", "items": [{"metadata": {"name": "c"}}]}
    assert list(unfold(typed, _AT)) == [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}]


def test_an_empty_list_holds_nothing_and_a_kind_that_is_called_list_stays() -> None:
    assert list(unfold({"kind": "List", "items": None}, _AT)) == []
    assert list(unfold({"kind": "List", "items": []}, _AT)) == []
    allow = {
        "apiVersion": "x.example/v1",
        "kind": "AllowList",
        "metadata": {"name": "a"},
        "spec": {"items": []},
    }
    assert list(unfold(allow, _AT)) == [allow]


def test_an_item_that_is_no_object_hides_no_other() -> None:
    one, two = unfold({"kind": "List", "items": ["text", _object()]}, _AT)
    assert isinstance(one, NotManifest)
    assert two == _object()


def test_lists_in_lists_end() -> None:
    value: dict[str, Any] = _object()
    for _ in range(9):
        value = {"kind": "List", "items": [value]}
    (only,) = unfold(value, _AT)
    assert isinstance(only, NotManifest)
