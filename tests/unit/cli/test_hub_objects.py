"""The hub's rights on its own cluster."""

from __future__ import annotations

from fleet.cli import hub_objects


def test_bindings_bind_what_is_made_to_the_account_that_is_made() -> None:
    made = {body["kind"]: body for body in hub_objects.rights("fleethub")}
    for kind in ("ClusterRole", "Role"):
        binding = made[f"{kind}Binding"]
        assert binding["roleRef"]["name"] == made[kind]["metadata"]["name"]
        assert binding["subjects"][0]["name"] == made["ServiceAccount"]["metadata"]["name"]
    assert "namespace" not in made["ClusterRole"]["metadata"]


def test_secrets_are_read_in_the_hubs_own_namespace_alone() -> None:
    everywhere = [word for rule in hub_objects.CLUSTER_RULES for word in rule["resources"]]
    assert "secrets" not in everywhere
    groups = [
        group for rule in hub_objects.CLUSTER_RULES if "*" in rule["resources"] for group in rule["apiGroups"]
    ]
    assert groups == ["fleethub.dev"]
