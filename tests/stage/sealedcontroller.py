"""The real sealed-secrets controller at one API server, and a garbage collector that acts on what it owns.

Contract: the controller knows files of a Pod only, so it runs in a mount namespace of its own where those files are,
on a file system in memory; nothing of the machine's is changed. It listens on 127.0.0.1, knows its own ServiceAccount
with the rights that its chart gives it, and makes its own key. All ends with the block, and with this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from bootstrap.local import binaries, build, ports, servers
from bootstrap.local.plane import Plane
from bootstrap.local.processes import Process
from bootstrap.local.warden import Warden
from fleet.errors import NotFound
from fleet.kube.request import Request
from fleet.secrets import keys
from tests.stage.api import Api, until

NAMESPACE: Final = "kube-system"
NAME: Final = "sealed-secrets-controller"
CRD: Final = "sealedsecrets.bitnami.com"
_FILES: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
# /var/run is covered whole: where it has no such folder, none is made on the machine.
_INSIDE: Final = f"""
set -e
files=$1; shift
mount -t tmpfs -o mode=0700 pod /var/run
mkdir -p {_FILES}
cp "$files"/* {_FILES}/
exec "$@"
"""


@dataclass(slots=True)
class SealedController:
    """One that runs. ``certificate`` is what it seals with, in PEM."""

    api: Api
    url: str
    certificate: Path
    process: Process

    def gave_up(self, namespace: str, name: str) -> bool:
        """Whether it has said that it tries a SealedSecret no more."""
        lines = self.process.log.read_text().splitlines()
        return any("giving up" in line and f"{namespace}/{name}" in line for line in lines)

    async def keys(self) -> list[dict[str, Any]]:
        """Its sealing keys: Secrets of its own namespace."""
        return await self.api.list("Secret", NAMESPACE, keys.LABEL)


@contextlib.asynccontextmanager
async def sealing(api: Api, plane: Plane, folder: Path) -> AsyncIterator[SealedController]:
    """Run it, with all that it needs on the server, and take that away afterwards."""
    program = await asyncio.to_thread(build.build, binaries.named([NAME]))
    pod = _pod(folder, plane, await _granted(api))
    with Warden() as warden:
        web, metrics = ports.free(2)
        environment = {
            "PATH": os.environ["PATH"],
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(plane.port),
        }
        command = [
            *("unshare", "--mount" if os.geteuid() == 0 else "-rm"),
            *("/bin/sh", "-c", _INSIDE, "sh", pod),
            program[NAME],
            "--key-renew-period=0",
            "--key-size=2048",
            f"--listen-addr=127.0.0.1:{web}",
            f"--listen-metrics-addr=127.0.0.1:{metrics}",
        ]
        process = await asyncio.to_thread(
            warden.spawn, command, environment, stdout=folder / "controller.log"
        )
        found = SealedController(api, f"http://127.0.0.1:{web}", folder / "controller.pem", process)
        try:
            found.certificate.write_bytes(await until(lambda: _certificate(found), 60, what="it has a key"))
            yield found
        finally:
            await asyncio.to_thread(process.end)
            await _taken_away(found)


@contextlib.asynccontextmanager
async def collecting(plane: Plane, folder: Path) -> AsyncIterator[None]:
    """Run Kubernetes' garbage collector, and no other controller, at a plane that has none."""
    name = "kube-controller-manager"
    program = binaries.locate(binaries.named([name]))[name]
    command = servers.controller_manager(plane._spec, program, plane._authority)
    with Warden() as warden:
        log = folder / "collector.log"
        await asyncio.to_thread(
            warden.spawn, [*command, "--controllers=garbage-collector-controller"], None, stdout=log
        )
        yield


def _pod(folder: Path, plane: Plane, token: str) -> Path:
    """The folder of the files that a Pod has."""
    pod = folder / "pod"
    pod.mkdir(parents=True)
    (pod / "token").write_text(token)
    (pod / "namespace").write_text(NAMESPACE)
    shutil.copyfile(plane.folder / "pki" / "ca.crt", pod / "ca.crt")
    return pod


async def _certificate(found: SealedController) -> bytes:
    assert found.process.running(), found.process.tail()
    return await asyncio.to_thread(_asked, f"{found.url}/v1/cert.pem")


def _asked(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (its own address)
            content: bytes = answer.read()
    except (urllib.error.URLError, TimeoutError):
        return b""
    return content


async def _granted(api: Api) -> str:
    """Install its kind and its account; a token of that."""
    await api.apply(_definition())
    await until(lambda: _served(api), 30, what="SealedSecrets are served")
    metadata = {"name": NAME, "namespace": NAMESPACE}
    await api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    rbac = "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": ["bitnami.com"], "resources": ["sealedsecrets"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["bitnami.com"], "resources": ["sealedsecrets/status"], "verbs": ["update"]},
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "verbs": ["get", "list", "watch", "create", "update", "delete"],
        },
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
    ]
    role = {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": NAME}, "rules": rules}
    await api.apply(role)
    await api.apply(
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": NAME},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": NAME},
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        }
    )
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{NAME}/token"
    answer = await api.send(Request("POST", path, body=orjson.dumps(asked)))
    return str(orjson.loads(answer.body)["status"]["token"])


async def _served(api: Api) -> bool:
    try:
        await api.list("SealedSecret")
    except NotFound:
        return False
    return True


async def _taken_away(found: SealedController) -> None:
    for key in await found.keys():
        await found.api.delete("Secret", key["metadata"]["name"], NAMESPACE)
    await found.api.delete("CustomResourceDefinition", CRD)
    await found.api.delete("ClusterRoleBinding", NAME)
    await found.api.delete("ClusterRole", NAME)
    await found.api.delete("ServiceAccount", NAME, NAMESPACE)

    async def gone() -> bool:
        return await found.api.get("CustomResourceDefinition", CRD) is None

    await until(gone, 30, what="SealedSecrets are served no more")


def _definition() -> dict[str, Any]:
    """Its CRD, as far as anything is decided by it: status is a subresource, and templates keep what they hold."""
    texts = {"type": "object", "additionalProperties": {"type": "string"}}
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    template = {
        "type": "object",
        "properties": {
            "metadata": {**anything, "nullable": True},
            "type": {"type": "string"},
            "immutable": {"type": "boolean"},
            "data": {**texts, "nullable": True},
        },
    }
    spec = {
        "type": "object",
        "required": ["encryptedData"],
        "properties": {"encryptedData": texts, "template": template},
    }
    schema = {"type": "object", "required": ["spec"], "properties": {"spec": spec, "status": anything}}
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    kinds = {
        "kind": "SealedSecret",
        "listKind": "SealedSecretList",
        "plural": "sealedsecrets",
        "singular": "sealedsecret",
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": CRD},
        "spec": {"group": "bitnami.com", "names": kinds, "scope": "Namespaced", "versions": [version]},
    }
