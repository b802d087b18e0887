"""The hub's rights on its own cluster."""

from __future__ import annotations

from fleet import names
from fleet.cli import hub_objects


def test_bindings_bind_what_is_made_to_the_account_that_is_made() -> None:
    made = {
        body["kind"]: body for body in hub_objects.rights("here") if body["metadata"]["name"] == names.PRODUCT
    }
    for kind in ("ClusterRole", "Role"):
        binding = made[f"{kind}Binding"]
        assert binding["roleRef"]["name"] == made[kind]["metadata"]["name"]
        assert binding["subjects"][0]["name"] == made["ServiceAccount"]["metadata"]["name"]
        assert binding["subjects"][0]["namespace"] == "here"
    assert "namespace" not in made["ClusterRole"]["metadata"]


def test_secrets_are_read_in_the_hubs_own_namespace_alone() -> None:
    everywhere = [word for rule in hub_objects.CLUSTER_RULES for word in rule.resources]
    assert "secrets" not in everywhere


def test_no_rule_is_for_everything_and_each_says_what_it_is_for() -> None:
    for _, _, _, rules in hub_objects.roles("here"):
        for rule in rules:
            assert "*" not in (rule.group, *rule.resources, *rule.verbs)
            assert rule.why.endswith((".", ".)"))


def test_namespaces_that_are_named_are_looked_into_and_no_more() -> None:
    role, binding = hub_objects.discovery("fleethub", "capi")
    assert role["metadata"]["namespace"] == binding["metadata"]["namespace"] == "capi"
    assert role["rules"] == [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "fleethub", "namespace": "fleethub"}]
