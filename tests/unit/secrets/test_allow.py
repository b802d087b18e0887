"""What the Projects of a chain allow of Vault, and as whom the hub then logs in."""

from __future__ import annotations

import re
from dataclasses import replace
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.model import VaultFence, VaultRule
from fleet.secrets import allow
from fleet.secrets.allow import VaultRefused, login
from fleet.secrets.stores.store import KubernetesStore, VaultStore
from fleet.secrets.vault.address import KvPath, Login, Method
from fleet.secrets.want import Want

SERVER = "https://vault:8200"
RULE = VaultRule(SERVER, "", "JWT", "jwt", "shop", ("secret/shop/*",))
STORE = VaultStore(SERVER, "", "secret", 2, Method.JWT, "jwt", "shop", ca="STORE")
WANT = Want(STORE, KvPath("secret", "shop/db"))
HOLE = Want(None, KvPath("secret", "shop/db"))
ROLE = VaultStore(SERVER, "", "secret", 2, Method.APPROLE, "approle", "id", secret="s")
APPROLE = VaultRule(SERVER, "", "AppRole", "approle", "id", ("secret/shop/*",), "s")


def fence(*rules: VaultRule, project: str = "shop") -> VaultFence:
    return VaultFence(project, rules)


def refusal(want: Want, *fences: VaultFence) -> str:
    with pytest.raises(VaultRefused) as refused:
        login(want, fences, "account")
    assert refused.value.field == "spec.vault.allow"
    return refused.value.text


def test_a_rule_that_covers_all_of_it_allows_it() -> None:
    found = login(WANT, (fence(RULE),), "account")
    assert found == Login(SERVER, "", Method.JWT, "jwt", "shop", "account", "vault", ca="STORE")


def test_a_placeholder_goes_where_the_rule_says() -> None:
    rule = replace(RULE, namespace="team/", server="https://VAULT:8200/", ca="RULE", audience="a")
    assert login(HOLE, (fence(rule),), "account") == Login(
        SERVER, "team", Method.JWT, "jwt", "shop", "account", "a", ca="RULE"
    )


def test_certificates_of_the_rule_count_before_those_of_the_store() -> None:
    assert login(WANT, (fence(replace(RULE, ca="RULE")),), "account").ca == "RULE"
    assert login(WANT, (fence(RULE),), "account").ca == "STORE"


def test_kubernetes_has_the_audience_of_its_api_server() -> None:
    want = replace(WANT, store=replace(STORE, method=Method.KUBERNETES))
    assert login(want, (fence(replace(RULE, method="Kubernetes")),), "account").audience == ""


@pytest.mark.parametrize(
    "rule",
    [
        replace(RULE, server="https://other:8200"),
        replace(RULE, server="http://vault:8200"),
        replace(RULE, server="https://vault"),
        replace(RULE, server="https://*"),
        replace(RULE, namespace="team"),
        replace(RULE, method="Kubernetes"),
        replace(RULE, mount="jwt2"),
        replace(RULE, role="shop-admin"),
        replace(RULE, paths=()),
        replace(RULE, paths=("secret/shop",)),
        replace(RULE, paths=("secret/data/shop/*",)),
        replace(RULE, paths=("secret/shop/*/x", "other/*")),
        replace(RULE, paths=("secret/shop/d?",)),
    ],
)
def test_a_rule_that_says_anything_else_allows_nothing(rule: VaultRule) -> None:
    text = refusal(WANT, fence(rule))
    for word in (
        "secret/shop/db",
        "Project shop",
        "spec.vault.allow",
        SERVER,
        "method JWT",
        "mount jwt",
        "role shop",
    ):
        assert word in text


def test_without_a_project_or_a_rule_nothing_is_allowed() -> None:
    for want in (WANT, HOLE):
        assert "secret/shop/db" in refusal(want)
        assert "Project shop" in refusal(want, fence())


@pytest.mark.parametrize("want", [WANT, HOLE])
def test_every_project_of_the_chain_must_allow_it(want: Want) -> None:
    wide = fence(replace(RULE, paths=("*",), role="*", mount="j*"), project="parent")
    assert login(want, (fence(RULE), wide), "account").role == "shop"
    for parent in (fence(project="parent"), fence(replace(RULE, role="other"), project="parent")):
        assert "Project parent" in refusal(want, fence(RULE), parent)


def test_a_parent_decides_nothing_but_whether() -> None:
    parent = fence(replace(RULE, ca="PARENT", audience="parent"), project="parent")
    found = login(WANT, (fence(replace(RULE, ca="OWN", audience="own")), parent), "account")
    assert (found.ca, found.audience) == ("OWN", "own")


@pytest.mark.parametrize(
    "other",
    [replace(RULE, server="https://other:8200"), replace(RULE, role="admin"), replace(RULE, namespace="n")],
)
def test_a_placeholder_that_two_rules_cover_is_told_with_both(other: VaultRule) -> None:
    text = refusal(HOLE, fence(RULE, other))
    assert f"{SERVER} (mount jwt, role shop)" in text
    assert other.server in text
    assert other.role in text


def test_two_rules_for_one_login_are_one() -> None:
    assert login(HOLE, (fence(RULE, replace(RULE, paths=("secret/*",))),), "account").role == "shop"


@pytest.mark.parametrize(
    "rule", [replace(RULE, role="*"), replace(RULE, mount="jwt-*"), replace(RULE, namespace="*")]
)
def test_a_placeholder_needs_a_rule_that_leaves_nothing_open(rule: VaultRule) -> None:
    assert "open with *" in refusal(HOLE, fence(rule))


def test_an_approle_takes_its_secret_id_from_the_rule() -> None:
    want = replace(WANT, store=ROLE)
    assert login(want, (fence(APPROLE),), "account") == Login(
        SERVER, "", Method.APPROLE, "approle", "id", secret="s"
    )
    assert "names no Secret" in refusal(want, fence(replace(APPROLE, secret="")))
    text = refusal(want, fence(replace(APPROLE, secret="other")))
    assert "Secret s," in text
    assert "Secret other" in text
    parent = fence(replace(APPROLE, secret="other"), project="parent")
    assert "Project parent" in refusal(want, fence(APPROLE), parent)


def test_the_hubs_own_secrets_need_no_login() -> None:
    with pytest.raises(TypeError):
        login(Want(KubernetesStore("team"), "mine"), (fence(RULE),), "account")


@given(st.text("a/*", max_size=6), st.text("a/", max_size=6))
def test_a_glob_matches_any_characters_at_its_stars(glob: str, text: str) -> None:
    assert allow.covers([glob], text) is fnmatchcase(text, glob)


@given(st.text("ab.[]?+", max_size=6))
def test_nothing_but_a_star_is_special(text: str) -> None:
    assert allow.covers([text], text)
    assert allow.covers([f"{text}*"], f"{text}x/y")
    assert not allow.covers([re.sub(r"a", ".", text)], text) or "a" not in text


def test_the_ends_of_a_glob_do_not_share_characters() -> None:
    assert not allow.covers(["secret/a*a/b"], "secret/a/b")
    assert allow.covers(["secret/a*a/b"], "secret/aa/b")
