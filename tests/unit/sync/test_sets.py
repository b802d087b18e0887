"""Names and ids of ApplySets."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from fleet.model import ApplicationKey, TargetKey
from fleet.sync.sets import parent_name, set_id

label = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)
subdomain = st.lists(label, min_size=1, max_size=4).map(".".join).map(lambda text: text[:253].strip(".-"))
keys = st.builds(ApplicationKey, label, subdomain)


def test_the_id_is_the_one_that_kubectl_computes() -> None:
    # kubectl 1.37: KUBECTL_APPLYSET=true kubectl apply --prune --applyset=configmap/app.team.web -n fleethub
    target = TargetKey(ApplicationKey("team", "web"), "eu-1")
    assert set_id(target) == "applyset-OYj1txtqum4wtAKeLexBtZmlzArd69KGv-442ps4iG4-v1"


def test_a_set_has_the_same_id_on_every_cluster_and_another_in_another_namespace() -> None:
    key = ApplicationKey("team", "web")
    assert set_id(TargetKey(key, "a")) == set_id(TargetKey(key, "b"))
    assert set_id(TargetKey(key, "a")) != set_id(TargetKey(key, "a"), "other")


@given(one=keys, other=keys)
def test_two_applications_never_share_a_parent(one: ApplicationKey, other: ApplicationKey) -> None:
    assert (parent_name(one) == parent_name(other)) == (one == other)


@given(namespace=label, name=st.text("abc.-", min_size=150, max_size=253))
def test_a_parents_name_is_a_name_for_kubernetes(namespace: str, name: str) -> None:
    found = parent_name(ApplicationKey(namespace, re.sub(r"[.-]{2,}|^[.-]|[.-]$", "a", name)))
    assert len(found) <= 253
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", found)


def test_dots_and_dashes_do_not_confuse_namespace_and_name() -> None:
    assert parent_name(ApplicationKey("a-b", "c")) != parent_name(ApplicationKey("a", "b-c"))
    assert parent_name(ApplicationKey("a", "b.c")) == "app.a.b.c"
