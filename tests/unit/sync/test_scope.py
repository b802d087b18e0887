"""Which kind and namespace a manifest means (H18)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.model import Resource
from fleet.sync.scope import fill


def reasons(scoped: Any) -> list[str]:
    return [fault.reason for fault in scoped.faults]


def test_a_namespaced_manifest_without_namespace_gets_the_targets(make: Any) -> None:
    scoped = fill([make.manifest(make.config_map)], "team", make.discovery(), "fleethub")
    assert [item.ref.namespace for item in scoped.manifests] == ["team"]
    assert not scoped.faults


def test_a_written_namespace_stays_and_its_manifest_is_handed_on_as_it_is(make: Any) -> None:
    manifest = make.manifest(make.config_map, namespace="other")
    scoped = fill([manifest], "team", make.discovery(), "fleethub")
    assert scoped.manifests[0].manifest is manifest


def test_a_cluster_scoped_kind_loses_its_namespace(make: Any) -> None:
    scoped = fill([make.manifest(make.cluster_role, namespace="team")], "team", make.discovery(), "fleethub")
    assert scoped.manifests[0].ref.namespace == ""


def test_without_any_namespace_the_manifest_is_at_fault_alone(make: Any) -> None:
    given = [make.manifest(make.config_map), make.manifest(make.cluster_role)]
    scoped = fill(given, "", make.discovery(), "fleethub")
    assert reasons(scoped) == ["NamespaceMissing"]
    assert [item.ref.kind for item in scoped.manifests] == ["ClusterRole"]


def test_a_crd_of_the_same_render_defines_its_kind_with_scope(make: Any) -> None:
    thing = Resource("ex.dev", "v1", "Thing", "things", namespaced=False)
    given = [
        make.manifest(thing, namespace="x"),
        make.crd("Thing", "things", "ex.dev", "v1", scope="Cluster"),
    ]
    scoped = fill(given, "team", make.discovery(), "fleethub")
    found = scoped.manifests[0]
    assert (found.ref.namespace, found.resource.plural, found.resource.namespaced) == ("", "things", False)


def test_the_crd_of_the_render_says_which_versions_there_will_be(make: Any) -> None:
    old = Resource("ex.dev", "v1", "Thing", "things", namespaced=True)
    new = Resource("ex.dev", "v2", "Thing", "things", namespaced=True)
    given = [make.crd("Thing", "things", "ex.dev", "v2"), make.manifest(old), make.manifest(new, "other")]
    scoped = fill(given, "team", make.discovery(old), "fleethub")
    assert [item.ref.name for item in scoped.manifests] == ["things.ex.dev", "other"]
    assert reasons(scoped) == ["KindUnknown"]


def test_an_unserved_version_is_a_passing_fault_that_names_the_served_ones(make: Any) -> None:
    beta = Resource("apps", "v1beta1", "Deployment", "deployments", namespaced=True)
    scoped = fill([make.manifest(beta)], "team", make.discovery(), "fleethub")
    fault = scoped.faults[0]
    assert (fault.reason, fault.transient) == ("KindUnknown", True)
    assert fault.text == "the cluster does not serve Deployment.apps at v1beta1; it serves v1"


def test_a_kind_of_a_group_that_does_not_answer_is_not_called_unknown_for_good(make: Any) -> None:
    thing = Resource("ex.dev", "v1", "Thing", "things", namespaced=True)
    scoped = fill([make.manifest(thing)], "team", make.discovery(stale=frozenset({"ex.dev"})), "fleethub")
    assert scoped.faults[0].transient
    assert "does not answer" in scoped.faults[0].text


@pytest.mark.parametrize(
    "spec", [None, {}, {"names": 3}, {"versions": 3, "names": {"kind": "T", "plural": "t"}}]
)
def test_a_crd_that_does_not_read_defines_nothing(make: Any, spec: Any) -> None:
    scoped = fill([make.manifest(make.crd_kind, spec=spec)], "", make.discovery(), "fleethub")
    assert len(scoped.manifests) == 1


def test_two_manifests_of_one_object_are_a_fault_of_the_later_that_names_both_files(make: Any) -> None:
    first = make.manifest(make.config_map, path="a.yaml")
    later = make.manifest(make.config_map, namespace="team", path="b.yaml")
    scoped = fill([first, later], "team", make.discovery(), "fleethub")
    assert [item.manifest.origin.path for item in scoped.manifests] == ["a.yaml"]
    assert scoped.faults[0].reason == "DuplicateObject"
    assert "a.yaml" in scoped.faults[0].text
    assert "b.yaml" in scoped.faults[0].text


@pytest.mark.parametrize("kind", ["config_map", "secret", "lease"])
def test_the_hubs_own_inventory_is_out_of_reach(make: Any, kind: str) -> None:
    manifest = make.manifest(getattr(make, kind), namespace="fleethub")
    assert reasons(fill([manifest], "", make.discovery(), "fleethub")) == ["InventoryProtected"]


def test_so_is_the_namespace_that_holds_it(make: Any) -> None:
    manifest = make.manifest(make.namespace, "fleethub")
    assert reasons(fill([manifest], "", make.discovery(), "fleethub")) == ["InventoryProtected"]


def test_so_is_whatever_calls_itself_a_parent(make: Any) -> None:
    labels = {"applyset.kubernetes.io/id": "applyset-x-v1"}
    manifest = make.manifest(make.config_map, namespace="team", metadata={"labels": labels})
    assert reasons(fill([manifest], "", make.discovery(), "fleethub")) == ["InventoryProtected"]


def test_other_objects_may_live_beside_it(make: Any) -> None:
    manifest = make.manifest(make.deployment, namespace="fleethub")
    assert not fill([manifest], "", make.discovery(), "fleethub").faults


def test_the_label_in_the_text_of_an_object_is_no_claim(make: Any) -> None:
    manifest = make.manifest(make.config_map, namespace="team", data={"a": "applyset.kubernetes.io/id"})
    assert not fill([manifest], "", make.discovery(), "fleethub").faults


@given(
    names=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["", "team", "x"]), st.booleans()), max_size=12
    )
)
def test_every_manifest_is_placed_or_named_in_a_fault(make: Any, names: list[tuple[str, str, bool]]) -> None:
    kinds = {True: make.config_map, False: make.cluster_role}
    given = [make.manifest(kinds[wide], name, namespace) for name, namespace, wide in names]
    scoped = fill(given, "team", make.discovery(), "fleethub")
    assert len(scoped.manifests) + len(scoped.faults) == len(given)
    refs = [item.ref for item in scoped.manifests]
    assert len(set(refs)) == len(refs)
    assert all(fault.ref in refs for fault in scoped.faults)
