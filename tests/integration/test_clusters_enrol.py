"""Letting the hub into a real cluster, what it may do there, and taking that back."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.local.plane import Plane
from fleet import names
from fleet.clock import Clock
from fleet.clusters import enrol, registration
from fleet.clusters.kubeconfig import parse
from fleet.errors import ApiError, Forbidden
from fleet.kube.budget import Budget
from fleet.kube.client import Client
from fleet.kube.connection import Connection
from fleet.kube.request import Request
from tests.stage.api import Api, until

KUBECTL = Path(sys.executable).parent / "kubectl"
ACCOUNT = ("ServiceAccount", names.MEMBER_ACCOUNT, names.MEMBER_NAMESPACE)
BINDING = ("ClusterRoleBinding", names.MEMBER_ACCOUNT)


@pytest.fixture
async def member(member_apis: dict[str, Api]) -> AsyncIterator[Api]:
    """A member without account; what it is granted is taken back."""
    yield member_apis["eu"]
    await enrol.unenrol(member_apis["eu"].send)


def opened(connection: Connection) -> Api:
    return Api(Client(connection, cluster="eu", budget=Budget(), clock=Clock()))


def admin(plane: Plane) -> Connection:
    return parse(plane.kubeconfig.read_bytes())


def signed_in(plane: Plane, token: str) -> Api:
    """The member as the hub sees it: with the token alone."""
    return opened(replace(admin(plane), token=token, client_cert=None, client_key=None))


async def test_the_kubeconfig_of_an_administrator_reads_and_works(plane: Plane) -> None:
    api = opened(admin(plane))
    assert await api.list("Namespace")
    await api.close()


async def test_the_granted_token_may_do_everything_for_thirty_days(plane: Plane, member: Api) -> None:
    granted = await enrol.enrol(member.send, "eu")
    assert abs(granted.expires - time.time() - enrol.TOKEN_SECONDS) < 600
    hub = signed_in(plane, granted.token)
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "made-by-the-hub"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    }
    assert (await hub.apply(role))["metadata"]["uid"]
    await hub.delete("ClusterRole", "made-by-the-hub")
    await hub.close()


async def test_the_account_mounts_no_token_of_its_own(member: Api) -> None:
    await enrol.enrol(member.send, "eu")
    account = await member.get(*ACCOUNT)
    assert account is not None
    assert account["automountServiceAccountToken"] is False
    assert not account.get("secrets")


async def test_enrolling_again_changes_nothing_and_gives_a_token_of_its_own(
    plane: Plane, member: Api
) -> None:
    async def versions() -> list[Any]:
        found = [await member.get(*each) for each in (ACCOUNT, BINDING)]
        return [each and each["metadata"]["resourceVersion"] for each in found]

    first = await enrol.enrol(member.send, "eu")
    before = await versions()
    second = await enrol.enrol(member.send, "eu")
    assert await versions() == before
    assert first.token != second.token
    for token in (first.token, second.token):
        hub = signed_in(plane, token)
        assert await hub.list("Namespace")
        await hub.close()


async def test_a_member_that_lost_half_of_it_is_whole_after_enrolling_again(member: Api) -> None:
    await enrol.enrol(member.send, "eu")
    await member.delete(*BINDING)
    await enrol.enrol(member.send, "eu")
    assert await member.get(*BINDING) is not None


async def test_a_stranger_may_not_enrol(plane: Plane, member: Api) -> None:
    stranger = opened(parse(plane.kubeconfig_for("stranger").read_bytes()))
    with pytest.raises(Forbidden):
        await enrol.enrol(stranger.send, "eu")
    assert await member.get(*BINDING) is None
    await stranger.close()


async def test_what_was_granted_is_taken_back_and_the_rest_left(plane: Plane, member: Api) -> None:
    granted = await enrol.enrol(member.send, "eu")
    assert len(await enrol.unenrol(member.send)) == 2
    assert await member.get(*ACCOUNT) is None
    assert await member.get(*BINDING) is None
    assert await member.get("Namespace", names.MEMBER_NAMESPACE) is not None
    hub = signed_in(plane, granted.token)

    async def refused() -> bool:
        try:
            await hub.list("Namespace")
        except Forbidden:
            return True
        return False

    await until(refused, what="the token is worth nothing")
    await hub.close()
    assert await enrol.unenrol(member.send) == ()


async def test_the_hub_itself_can_take_its_rights_back_and_leaves_an_account_without(
    plane: Plane, member: Api
) -> None:
    granted = await enrol.enrol(member.send, "eu")
    hub = signed_in(plane, granted.token)
    removed = await enrol.unenrol(hub.send)
    assert removed[0] == f"ClusterRoleBinding {names.MEMBER_ACCOUNT}"

    async def without_rights() -> bool:
        try:
            await hub.list("Namespace")
        except Forbidden:
            return True
        return False

    await until(without_rights, what="the rights are gone")
    assert await member.get(*BINDING) is None
    await hub.close()


async def test_an_account_that_impersonates_reads_all_keeps_its_own_and_writes_nothing_else(
    plane: Plane, member: Api
) -> None:
    granted = await enrol.enrol(member.send, "eu", registration.IMPERSONATING)
    assert await enrol.scope_of(member.send) == registration.IMPERSONATING
    hub = signed_in(plane, granted.token)
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}}
    own = {**config, "metadata": {"name": "a", "namespace": names.MEMBER_NAMESPACE}}
    await hub.list("Secret")
    await hub.apply(own)
    await hub.delete("ConfigMap", "a", names.MEMBER_NAMESPACE)
    for refused in (config, {**config, "kind": "ServiceAccount"}):
        with pytest.raises(Forbidden):
            await hub.apply(refused)
    assert (await enrol.token_of(hub.send, names.MEMBER_NAMESPACE))[0] != granted.token
    # From one scope to the other and back; what the other granted is not left.
    await enrol.enrol(member.send, "eu")
    await hub.apply(config)
    await hub.delete("ConfigMap", "a", "default")
    await enrol.enrol(member.send, "eu", registration.IMPERSONATING)

    async def narrow() -> bool:
        try:
            await hub.apply(config)
        except Forbidden:
            return True
        return False

    await until(narrow, what="the account may do less again")
    await hub.close()
    removed = await enrol.unenrol(member.send)
    assert f"ClusterRole {names.MEMBER_ACCOUNT}" in removed
    assert await member.get("Role", names.MEMBER_ACCOUNT, names.MEMBER_NAMESPACE) is None


async def test_an_account_for_namespaces_does_everything_in_these_and_reads_nothing_beyond(
    plane: Plane, member: Api
) -> None:
    for name in ("scope-a", "scope-b"):
        await member.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def config(namespace: str) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": namespace}}

    granted = await enrol.enrol(member.send, "eu", registration.Scope(("scope-a", "scope-b")))
    hub = signed_in(plane, granted.token)

    async def wide() -> bool:
        try:
            await hub.apply(config("scope-b"))
        except Forbidden:
            return False
        return True

    await until(wide, what="the account may write in its namespaces")
    await hub.apply(config("scope-a"))
    await hub.apply(config(names.MEMBER_NAMESPACE))
    await hub.list("Secret", "scope-a")
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "rules": []}
    every = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    await hub.apply({**role, "metadata": {"name": "made", "namespace": "scope-a"}, "rules": every})
    assert await hub.get("Namespace", "kube-system")
    assert await hub.get("Namespace", "scope-a")
    assert (await enrol.token_of(hub.send, names.MEMBER_NAMESPACE))[0] != granted.token
    for refused in (
        hub.list("Secret"),
        hub.list("Namespace"),
        hub.list("ClusterRole"),
        hub.list("ConfigMap", "default"),
        hub.get("Namespace", "default"),
        hub.apply(config("default")),
        hub.apply({**role, "kind": "ClusterRole", "metadata": {"name": "made"}}),
        hub.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "scope-c"}}),
    ):
        with pytest.raises(Forbidden):
            await refused
    await enrol.enrol(member.send, "eu", registration.Scope(("scope-a",)))

    async def narrow() -> bool:
        try:
            await hub.list("ConfigMap", "scope-b")
        except Forbidden:
            return True
        return False

    await until(narrow, what="the namespace that left is shut")
    await hub.apply(config("scope-a"))
    await hub.close()
    await enrol.unenrol(member.send)
    for name in ("scope-a", "scope-b"):
        assert await member.get("Role", "fleethub-namespaces", name) is None
        await member.empty("ConfigMap", name)
    await member.delete("Role", "made", "scope-a")
    await member.delete("ConfigMap", "a", names.MEMBER_NAMESPACE)


async def test_a_kubeconfig_that_kubectl_flattened_reads_as_the_same_connection(plane: Plane) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        [
            str(KUBECTL),
            "--kubeconfig",
            str(plane.kubeconfig),
            "config",
            "view",
            "--raw",
            "--flatten",
            "--minify",
        ],
        capture_output=True,
        timeout=30,
    )
    assert parse(done.stdout) == admin(plane)


# --- which Secret serves, by what a server writes down ------------------------------------------------------


async def secret(api: Api, name: str, value: str, **labels: str) -> dict[str, Any]:
    """A Secret with a token, as kubectl applies it."""
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "default", "labels": labels},
        "data": {"token": base64.b64encode(value.encode()).decode()},
    }
    return await api.apply(body)


async def later(api: Api, than: dict[str, Any]) -> None:
    """Wait until the server stamps another second than that of the Secret's last write."""
    stamp = max(entry["time"] for entry in than["metadata"]["managedFields"])

    async def moved() -> bool:
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "clock", "namespace": "default"},
            "spec": {"holderIdentity": str(time.time_ns())},
        }
        found = await api.apply(lease)
        return bool(found["metadata"]["managedFields"][0]["time"] > stamp)

    await until(moved, what="a second has passed on the server")


async def test_the_secret_whose_content_was_written_last_serves(member_apis: dict[str, Api]) -> None:
    api = member_apis["us"]
    given = await secret(api, "eu-credential", "one")
    await later(api, given)
    kept = await secret(api, "eu-token", "two")
    assert registration.serving(given, kept) == kept
    await later(api, kept)
    relabelled = await secret(api, "eu-credential", "one", env="prod")
    try:
        rewritten = await secret(api, "eu-credential", "three", env="prod")
        assert registration.serving(rewritten, kept) == rewritten
        # One Apply entry has one time: a label that the same manager applies with the content counts as a write.
        assert registration.serving(relabelled, kept) == relabelled
        patched = await api.patch("Secret", "eu-token", "default", {"metadata": {"labels": {"a": "b"}}})
        assert registration.serving(rewritten, patched) == rewritten
    finally:
        for name in ("eu-credential", "eu-token"):
            await api.delete("Secret", name, "default")


async def test_a_request_without_rights_is_named_without_the_token(plane: Plane) -> None:
    hub = signed_in(plane, "hunter2")
    with pytest.raises(ApiError) as caught:
        await hub.send(Request("GET", "/api/v1/namespaces"))
    assert "hunter2" not in str(caught.value)
    await hub.close()
