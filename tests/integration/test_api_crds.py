"""The CRDs on a real API server: accepted whole, judging as the parser does, shown as people want them."""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from fleet import names
from fleet.api import crd, structural
from fleet.api.parse import parse
from fleet.api.shape import FreeForm, Model
from fleet.errors import ApiError, Invalid, InvalidObject
from fleet.kube.request import APPLY, Request
from tests.stage.api import Api, until
from tests.stage.theatre import Planes
from tests.unit.api import samples
from tests.unit.api.samples import Body, Faulty

KUBECTL = Path(sys.executable).parent / "kubectl"
NUMBERS = itertools.count(1)
NAMESPACE = "crds"


@pytest.fixture
async def home(hub_api: Api) -> AsyncIterator[str]:
    """A namespace that no hub watches, empty afterwards."""
    await hub_api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    yield NAMESPACE
    for kind in names.HUB_KINDS:
        await hub_api.empty(kind, NAMESPACE)


def path(kind: str, name: str) -> str:
    return f"/apis/{names.API_VERSION}/namespaces/{NAMESPACE}/{names.PLURALS[kind]}/{name}"


async def send(api: Api, body: Body, *, validation: str = "Strict") -> Body:
    """A server-side apply as kubectl sends it."""
    query = (("fieldManager", "test"), ("force", "true"), ("fieldValidation", validation))
    whole = copy.deepcopy(body)
    whole["metadata"]["namespace"] = NAMESPACE
    target = path(whole["kind"], whole["metadata"]["name"])
    answer = await api.send(
        Request("PATCH", target, query=query, body=orjson.dumps(whole), content_type=APPLY)
    )
    found: Body = orjson.loads(answer.body)
    return found


async def kubectl(planes: Planes, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(KUBECTL), "--kubeconfig", str(planes.hub.kubeconfig), "-n", NAMESPACE, *arguments]
    return await asyncio.to_thread(
        subprocess.run, command, input=text, capture_output=True, text=True, timeout=60
    )


# --- the files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", names.HUB_KINDS)
async def test_the_server_finds_no_fault_in_a_crd(hub_api: Api, kind: str) -> None:
    name = f"{names.PLURALS[kind]}.{names.GROUP}"

    async def judged() -> list[Body]:
        found = await hub_api.get("CustomResourceDefinition", name)
        assert found is not None
        conditions: list[Body] = found["status"].get("conditions", [])
        return conditions

    conditions = {each["type"]: each["status"] for each in await until(judged)}
    assert conditions["Established"] == "True"
    assert conditions["NamesAccepted"] == "True"
    assert conditions.get("NonStructuralSchema", "False") == "False"


@pytest.mark.parametrize("kind", names.HUB_KINDS)
async def test_the_server_keeps_every_word_of_a_schema(hub_api: Api, kind: str) -> None:
    """What the API server does not know it drops in silence: then it would not hold."""
    found = await hub_api.get("CustomResourceDefinition", f"{names.PLURALS[kind]}.{names.GROUP}")
    assert found is not None
    ours = crd.schema(kind)["spec"]["versions"][0]
    theirs = found["spec"]["versions"][0]
    assert theirs["schema"] == ours["schema"]
    assert theirs["additionalPrinterColumns"] == ours["additionalPrinterColumns"]


# --- parser and server judge alike ------------------------------------------------------------------------


@pytest.mark.parametrize("body", samples.GOOD.values(), ids=samples.GOOD.keys())
async def test_what_the_parser_takes_the_server_takes_and_gives_back_alike(
    hub_api: Api, home: str, body: Body
) -> None:
    live = await send(hub_api, body)
    assert live["metadata"]["namespace"] == home
    assert live["spec"] == body["spec"]
    assert parse(body["kind"], live).spec == parse(body["kind"], body).spec


@pytest.mark.parametrize("fault", samples.FAULTY.values(), ids=samples.FAULTY.keys())
async def test_what_the_parser_refuses_the_server_refuses(hub_api: Api, home: str, fault: Faulty) -> None:
    assert home
    with pytest.raises(Invalid) as caught:
        await send(hub_api, samples.faulty(fault))
    assert caught.value.field == fault.field


@pytest.mark.parametrize("fault", samples.UNKNOWN.values(), ids=samples.UNKNOWN.keys())
async def test_an_unknown_field_is_an_error_to_kubectl_and_to_the_parser(
    planes: Planes, home: str, fault: Faulty
) -> None:
    body = samples.faulty(fault)
    body["metadata"]["namespace"] = home
    done = await kubectl(planes, "apply", "-f", "-", text=json.dumps(body))
    assert done.returncode != 0
    assert fault.field.rpartition(".")[2] in done.stderr
    with pytest.raises(InvalidObject) as caught:
        parse(fault.kind, body)
    assert caught.value.field == fault.field


# --- what people see --------------------------------------------------------------------------------------

STATUS: Body = {
    "observedGeneration": 1,
    "revision": "0123456789abcdef0123456789abcdef01234567",
    "sync": "Synced",
    "health": "Healthy",
    "targets": {"total": 3, "synced": 3, "healthy": 3},
    "clusters": "3/3",
    "problems": [],
    "lastSync": {
        "request": "r1",
        "revision": "0123",
        "prune": False,
        "by": "me",
        "at": "2026-11-25T09:00:00Z",
    },
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-11-25T09:00:00Z",
            "reason": "Synced",
            "message": "all is well",
        }
    ],
}


async def tell(api: Api, kind: str, name: str, status: Body) -> Body:
    """Write a status, as the hub does."""
    body = {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "status": status,
    }
    query = (("fieldManager", names.STATUS_MANAGER), ("force", "true"), ("fieldValidation", "Strict"))
    request = Request(
        "PATCH", f"{path(kind, name)}/status", query=query, body=orjson.dumps(body), content_type=APPLY
    )
    found: Body = orjson.loads((await api.send(request)).body)
    return found


async def test_applications_are_listed_with_sync_health_revision_and_clusters(
    planes: Planes, hub_api: Api, home: str
) -> None:
    await send(hub_api, samples.application())
    live = await tell(hub_api, names.APPLICATION, "hello", STATUS)
    assert live["status"] == STATUS
    done = await kubectl(planes, "get", "applications.fleethub.dev")
    head, row = done.stdout.splitlines()
    assert head.split() == ["NAME", "SYNC", "HEALTH", "REVISION", "CLUSTERS", "AGE"]
    assert row.split()[:5] == ["hello", "Synced", "Healthy", STATUS["revision"], "3/3"]
    wide = (await kubectl(planes, "get", "fha", "-o", "wide")).stdout
    assert "all is well" in wide
    assert "https://git.example/acme/deploy" in wide
    assert home == NAMESPACE


async def test_clusters_are_listed_with_their_condition(planes: Planes, hub_api: Api, home: str) -> None:
    await send(hub_api, samples.cluster())
    ready = {**STATUS["conditions"][0], "status": "False", "reason": "KubeconfigRefused"}
    await tell(
        hub_api,
        names.CLUSTER,
        "eu-1",
        {"observedGeneration": 1, "version": "v1.36.3", "identity": "u", "conditions": [ready]},
    )
    done = await kubectl(planes, "get", "clusters.fleethub.dev")
    head, row = done.stdout.splitlines()
    assert head.split()[:4] == ["NAME", "READY", "REASON", "VERSION"]
    assert row.split()[:4] == ["eu-1", "False", "KubeconfigRefused", "v1.36.3"]
    assert home == NAMESPACE


@pytest.mark.parametrize(("kind", "short"), [(k, s) for k in names.HUB_KINDS for s in crd.KINDS[k].short])
async def test_short_names_and_the_category_are_known(
    planes: Planes, home: str, kind: str, short: str
) -> None:
    done = await kubectl(planes, "get", short, "-o", "name")
    assert (done.returncode, done.stderr) == (0, ""), home
    category = await kubectl(planes, "get", "fleethub", "-o", "name")
    assert category.returncode == 0, kind


async def test_kubectl_wait_reads_the_status(planes: Planes, hub_api: Api, home: str) -> None:
    await send(hub_api, samples.application())
    await tell(hub_api, names.APPLICATION, "hello", STATUS)
    done = await kubectl(planes, "wait", "--for=condition=Ready", "--timeout=10s", "fha/hello")
    assert done.returncode == 0, (home, done.stderr)


async def test_kubectl_explains_a_field_with_its_sentence(planes: Planes, hub_api: Api) -> None:
    assert hub_api
    done = await kubectl(
        planes, "explain", "applications.spec.syncPolicy.automated.prune", "--api-version", names.API_VERSION
    )
    assert "Whether objects that left Git are deleted" in done.stdout


async def test_spec_and_status_are_written_apart(hub_api: Api, home: str) -> None:
    """A write of the object leaves the status, a write of the status leaves the object and its generation."""
    made = await send(hub_api, samples.application() | {"status": STATUS})
    assert "status" not in made
    told = await tell(hub_api, names.APPLICATION, "hello", STATUS)
    assert told["metadata"]["generation"] == made["metadata"]["generation"] == 1
    assert told["metadata"]["namespace"] == home


@pytest.mark.parametrize(
    "change",
    [
        {"sync": "Fine"},
        {"health": "well"},
        {"problems": ["x" * 101]},
        {"problems": ["x"] * 51},
        {"when": "now"},
    ],
)
async def test_a_status_of_another_shape_is_refused(hub_api: Api, home: str, change: Body) -> None:
    await send(hub_api, samples.application())
    with pytest.raises(ApiError):
        await tell(hub_api, names.APPLICATION, "hello", STATUS | change)
    assert home == NAMESPACE


# --- free form --------------------------------------------------------------------------------------------


class _Values(Model):
    """A kind of the test's own, with the hub's type for free-form fields."""

    values: FreeForm


async def test_an_explicit_null_in_a_free_form_field_survives(hub_api: Api, home: str) -> None:
    name, kind = f"frees{next(NUMBERS)}", "Free"
    manifest: dict[str, Any] = crd.schema(names.PROJECT)
    manifest["metadata"] = {"name": f"{name}.test.example"}
    manifest["spec"] |= {
        "group": "test.example",
        "names": {"kind": kind, "plural": name, "singular": name, "listKind": f"{kind}List"},
    }
    version = manifest["spec"]["versions"][0]
    version |= {"name": "v1", "additionalPrinterColumns": []}
    version["schema"]["openAPIV3Schema"] = {
        "type": "object",
        "properties": {"spec": structural.schema(_Values)},
    }
    await hub_api.apply(manifest)
    values = {"image": {"tag": None}, "list": [None, 1, {"x": None}]}
    assert _Values.model_validate({"values": values}).values == values
    body = {
        "apiVersion": "test.example/v1",
        "kind": kind,
        "metadata": {"name": "a", "namespace": home},
        "spec": {"values": values},
    }
    request = Request(
        "PATCH",
        f"/apis/test.example/v1/namespaces/{home}/{name}/a",
        query=(("fieldManager", "test"),),
        body=orjson.dumps(body),
        content_type=APPLY,
    )

    async def applied() -> Body | None:
        try:
            found: Body = orjson.loads((await hub_api.send(request)).body)
        except ApiError:
            return None
        return found

    try:
        live = await until(applied, what="the kind is served")
        assert live["spec"]["values"] == values
    finally:
        await hub_api.delete("CustomResourceDefinition", f"{name}.test.example")
