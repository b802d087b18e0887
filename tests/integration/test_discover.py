"""Registrations that Cluster API and Argo CD keep in namespaces named to the hub, under the rights of an installation."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fleet import names
from tests.integration.test_cli import account, fleethub
from tests.stage.api import until
from tests.stage.theatre import Theatre, config

CAPI, ARGO = "capi-clusters", "argocd-clusters"
CAPI_NAME = "cluster.x-k8s.io/cluster-name"


@pytest.fixture(autouse=True)
async def places(theatre: Theatre) -> AsyncIterator[None]:
    for name in (CAPI, ARGO):
        await theatre.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield
    await theatre.stop()
    for name in (CAPI, ARGO):
        await theatre.api.empty("Secret", name)
        await theatre.api.delete("RoleBinding", "fleethub-discovery", name)


async def secret(
    theatre: Theatre, namespace: str, name: str, labels: dict[str, str], /, **data: str | bytes
) -> None:
    """A Secret of another tool's, with an annotation of its cluster's and marks of the tool."""
    given = {key: value if isinstance(value, bytes) else value.encode() for key, value in data.items()}
    await theatre.api.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": labels,
                "annotations": {"acme.example/zone": "Z1", "meta.helm.sh/release-name": "tool"},
            },
            "data": {key: base64.b64encode(value).decode() for key, value in given.items()},
        }
    )


def argo(theatre: Theatre, member: str, **config: Any) -> dict[str, str]:
    """The data of Argo CD's form, with the admin's certificate of a member."""
    plane = theatre.planes.members[member]
    user = next(
        line for line in plane.kubeconfig.read_text().splitlines() if "client-certificate-data" in line
    )
    key = next(line for line in plane.kubeconfig.read_text().splitlines() if "client-key-data" in line)
    tls = {
        "caData": plane.ca_data,
        "certData": user.split(":", 1)[1].strip().strip('",'),
        "keyData": key.split(":", 1)[1].strip().strip('",'),
    }
    return {"name": member, "server": plane.server, "config": json.dumps(config or {"tlsClientConfig": tls})}


async def cluster(theatre: Theatre, name: str, status: str) -> dict[str, Any]:
    """Wait until a Cluster is Ready or not; the Cluster."""

    async def look() -> dict[str, Any] | None:
        found = await theatre.api.get("Cluster", name, names.HUB_NAMESPACE)
        for one in ((found or {}).get("status") or {}).get("conditions", ()):
            if one["type"] == "Ready" and one["status"] == status:
                return found
        return None

    found: dict[str, Any] = await until(look, 30, what=f"{name} is Ready {status}")
    return found


async def test_registrations_of_other_tools_are_taken_up_with_their_labels_and_left_with_them(
    theatre: Theatre,
) -> None:
    eu = theatre.planes.members["eu"].kubeconfig.read_bytes()
    await secret(theatre, CAPI, "eu-kubeconfig", {CAPI_NAME: "eu", "env": "dev"}, value=eu)
    await secret(theatre, CAPI, "eu-ca", {CAPI_NAME: "eu"}, **{"tls.crt": "x"})
    kind = {f"{names.ARGO}/secret-type": "cluster", "env": "dev"}
    await secret(theatre, ARGO, "cluster-us", kind, **argo(theatre, "us"))
    aws = argo(theatre, "us", awsAuthConfig={"clusterName": "far", "roleARN": "arn:hunter2"})
    await secret(
        theatre, ARGO, "cluster-far", kind, **{**aws, "name": "far", "server": "https://far.example"}
    )
    plugin = json.dumps(
        {
            "clusters": [{"name": "x", "cluster": {"server": "https://gke.example"}}],
            "users": [{"name": "x", "user": {"exec": {"command": "gke-gcloud-auth-plugin"}}}],
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        }
    )
    await secret(theatre, CAPI, "gke-kubeconfig", {CAPI_NAME: "gke"}, value=plugin)
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="v")})
    await theatre.application(placement={"clusterSelector": {"matchLabels": {"env": "dev"}}})

    # With the rights of an installation that was not told of the namespaces, nothing is seen there.
    await fleethub(theatre, "install")
    places = (f"capi={CAPI}", f"argocd={ARGO}")
    await theatre.start(kubeconfig=str(await account(theatre)), discover=places)
    assert await theatre.api.list("Cluster", names.HUB_NAMESPACE) == []
    await fleethub(theatre, "install", "--discover", f"capi={CAPI}", "--discover", f"argocd={ARGO}")

    for name, made_from in (("eu", f"{CAPI}/eu-kubeconfig"), ("us", f"{ARGO}/cluster-us")):
        found = await cluster(theatre, name, "True")
        assert found["metadata"]["labels"]["env"] == "dev"
        annotations = found["metadata"]["annotations"]
        assert annotations == {"acme.example/zone": "Z1", names.MADE_FROM: made_from}
    await theatre.everywhere("ConfigMap", "a")

    # What needs a command of the hub's is in the list, with what to do about it.
    for name, words in (("far", "config.awsAuthConfig"), ("gke", "user.exec")):
        await cluster(theatre, name, "False")
        listed = await fleethub(theatre, "cluster", "list")
        (line,) = (one for one in listed.err.splitlines() if one.startswith(f"{name}: "))
        assert words in line
        assert "fleethub cluster add" in line
        assert "hunter2" not in listed.out + listed.err
    refused = await fleethub(theatre, "cluster", "remove", "eu", code=1)
    assert f"discovered from Secret {CAPI}/eu-kubeconfig" in refused.err

    # Done so, the hub's own credential counts, and the other's labels stay.
    kubeconfig = str(theatre.planes.members["us"].kubeconfig)
    await theatre.api.delete("Secret", "cluster-us", ARGO)

    async def left() -> bool:
        return await theatre.api.get("Cluster", "us", names.HUB_NAMESPACE) is None

    await until(left, what="what the tool removed is removed")
    await fleethub(theatre, "cluster", "add", "far", "--member-kubeconfig", kubeconfig, "--label", "tier=1")
    found = await cluster(theatre, "far", "True")
    assert found["metadata"]["labels"]["env"] == "dev"
    assert found["metadata"]["labels"]["tier"] == "1"
    assert found["metadata"]["annotations"][names.MADE_FROM] == "far-kubeconfig"

    # A namespace that can no longer be read, or is no longer named, is not one that has become empty.
    uid = (await cluster(theatre, "eu", "True"))["metadata"]["uid"]
    await theatre.stop()
    await theatre.api.delete("RoleBinding", "fleethub-discovery", CAPI)
    await theatre.start()
    await kept(theatre, uid)
    assert "cannot be listed" in (await fleethub(theatre, "cluster", "list")).err
    await theatre.stop()
    await theatre.start(discover=())
    await kept(theatre, uid)
    assert "without --discover" in (await fleethub(theatre, "cluster", "list")).err


async def kept(theatre: Theatre, uid: str) -> None:
    """The hub has looked at the Clusters that Secrets make, and eu is the one that it was."""
    await cluster(theatre, "eu", "False")

    async def looked() -> bool:
        return not theatre.hub.registrations._shorthands._writes.pending("eu")

    await until(looked, what="no Cluster waits to be made or removed")
    assert (await cluster(theatre, "eu", "False"))["metadata"]["uid"] == uid
