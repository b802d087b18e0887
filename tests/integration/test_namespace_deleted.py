"""Somebody deletes a namespace under an Application, with all that is in it: everything comes back."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator

import pytest

from bootstrap.local.plane import Plane
from bootstrap.local.servers import Components
from tests.integration.test_sync_more import KUBECTL
from tests.stage.api import Api, until
from tests.stage.theatre import Planes, Theatre, config, deployment, manifest

WHOLE = "whole"


@pytest.fixture(scope="module")
async def whole(planes: Planes) -> AsyncIterator[Plane]:
    """A member with its controllers, which empty a namespace before it goes."""
    with Plane.create(
        WHOLE, planes.folder / WHOLE, components=Components.ALL, etcd=planes.hub.etcd, prefix=f"/{WHOLE}"
    ) as plane:
        yield plane


@pytest.mark.parametrize("namespace_in_git", [True, False], ids=["namespace in Git", "CreateNamespace"])
async def test_a_deleted_namespace_comes_back_with_all_that_was_in_it(
    theatre: Theatre, whole: Plane, *, namespace_in_git: bool
) -> None:
    namespace = f"shop-{theatre.number}"
    files: dict[str, str | None] = {
        "apps/app/web.yaml": deployment(),
        "apps/app/a.yaml": config("a", k="1"),
        "apps/app/s.yaml": manifest("Secret", "s", stringData={"p": "v"}),
    }
    options = {} if namespace_in_git else {"syncOptions": ["CreateNamespace=true"]}
    if namespace_in_git:
        files["apps/app/ns.yaml"] = manifest("Namespace", namespace)
    theatre.repo.commit(files)
    api = await Api.of(whole.kubeconfig)
    try:
        await theatre.register(WHOLE, kubeconfig=whole.kubeconfig)
        await theatre.start()
        retry = {"backoff": {"duration": "1s", "maxDuration": "2s"}}
        policy = {"automated": {"prune": True, "selfHeal": True}, "retry": retry, **options}
        await theatre.application(namespace=namespace, syncPolicy=policy)
        await theatre.synced(timeout=40)
        before = await uids(api, namespace)
        assert set(before) == {"Namespace", "Deployment", "ConfigMap", "Secret"}
        await asyncio.to_thread(delete, whole, namespace)

        async def back() -> bool:
            found = await uids(api, namespace)
            return found.keys() == before.keys() and not set(found.values()) & set(before.values())

        await until(back, 60, what="everything is back, made anew")
        await theatre.synced(timeout=40)
        found = await api.get("ConfigMap", "a", namespace)
        assert found
        assert found["data"] == {"k": "1"}

        async def runs() -> bool:
            web = await api.get("Deployment", "web", namespace)
            return bool(web and web.get("status", {}).get("availableReplicas") == 2)

        await until(runs, 40, what="the Deployment runs again")
    finally:
        await theatre.stop()
        await api.close()


async def uids(api: Api, namespace: str) -> dict[str, str]:
    """UIDs of what is there and is to stay."""
    found = {}
    for kind, name in (("Namespace", namespace), ("Deployment", "web"), ("ConfigMap", "a"), ("Secret", "s")):
        live = await api.get(kind, name, "" if kind == "Namespace" else namespace)
        if live is not None and "deletionTimestamp" not in live["metadata"]:
            found[kind] = live["metadata"]["uid"]
    return found


def delete(plane: Plane, namespace: str) -> None:
    """``kubectl delete namespace``, to its end."""
    command = [str(KUBECTL), "--kubeconfig", str(plane.kubeconfig), "delete", "namespace", namespace]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
