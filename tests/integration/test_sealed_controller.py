"""Beside the real sealed-secrets controller: what we seal opens there, and Secrets change hands without a gap."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fleet import names
from fleet.clock import Clock
from fleet.errors import FleetError
from fleet.hub.seams import Seams
from fleet.kube import watch
from fleet.kube.request import Request
from fleet.secrets import keys
from fleet.world.resources import SECRETS
from tests.integration.test_cli import fleethub
from tests.integration.test_seal_commands import given, value
from tests.integration.test_sealed import CLEAR, certificate, data, kubeseal, sealed, secret
from tests.stage.api import Api, holds, until
from tests.stage.sealedcontroller import SealedController, collecting, sealing
from tests.stage.seams import Meddler, meddled
from tests.stage.theatre import Planes, Theatre, manifest_of

__all__ = ["kubeseal"]

MEMBER = "eu"
MANAGED = "sealedsecrets.bitnami.com/managed"


@pytest.fixture(scope="module")
async def controller(planes: Planes, member_apis: dict[str, Api]) -> AsyncIterator[SealedController]:
    """The controller of a member, whose garbage collector works too."""
    plane, folder = planes.members[MEMBER], planes.folder / "sealed-secrets"
    async with sealing(member_apis[MEMBER], plane, folder) as found, collecting(plane, folder):
        yield found


@pytest.fixture(autouse=True)
async def _keys_go(theatre: Theatre) -> AsyncIterator[None]:
    """Take copied keys away from the hub, which other tests use."""
    yield
    for key in await theatre.api.list("Secret", names.HUB_NAMESPACE, keys.LABEL):
        if key["metadata"]["name"].endswith(f"-{theatre.number}"):
            await theatre.api.delete("Secret", key["metadata"]["name"], names.HUB_NAMESPACE)


@dataclass(slots=True)
class Witness:
    """Who has watched a Secret all the time: every state of it in order, and whether it ever was not there."""

    states: list[dict[str, Any]] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)

    def unbroken(self) -> None:
        """Assert that it was one and the same Secret, with the same value, from the first to the last."""
        assert not self.gaps
        assert len({one["metadata"]["uid"] for one in self.states}) == 1
        assert {base64.b64decode(one["data"]["password"]).decode() for one in self.states} == {CLEAR}


@contextlib.asynccontextmanager
async def witnessed(api: Api, namespace: str, name: str) -> AsyncIterator[Witness]:
    """Watch a Secret that is there."""
    found, listed = Witness(), asyncio.Event()

    async def look() -> None:
        stream = watch.follow(
            api.client, SECRETS, namespace, selector="", whole=True, clock=Clock(), name=name
        )
        async for event in stream:
            match event:
                case watch.Listed(items, _):
                    found.states += [item.object for item in items if item.object is not None]
                    listed.set()
                case watch.Seen(_, body) if body is not None:
                    found.states.append(body)
                case watch.Gone():
                    found.gaps.append("gone")
                case watch.Silent(reason):
                    found.gaps.append(reason)

    task = asyncio.ensure_future(look())
    try:
        await asyncio.wait_for(listed.wait(), 20)
        assert found.states, "it is there from the first"
        yield found
        last = await api.get("Secret", name, namespace)
        assert last is not None

        async def caught_up() -> bool:
            version = found.states[-1]["metadata"]["resourceVersion"]
            return bool(version == last["metadata"]["resourceVersion"])

        await until(caught_up, what="the watch has seen the last state")
    finally:
        task.cancel()
        await asyncio.wait({task})


async def made(theatre: Theatre, name: str, **expected: str) -> dict[str, Any]:
    """Wait until the controller has made a Secret with these values and owns it."""
    api = theatre.members[MEMBER]

    async def look() -> dict[str, Any] | None:
        found = await api.get("Secret", name, theatre.namespace)
        return found if found and owners(found) and await data(theatre, name) == expected else None

    try:
        found: dict[str, Any] = await until(look, 30, what=f"the controller owns {name}")
    except AssertionError as error:
        one = await api.get("SealedSecret", name, theatre.namespace)
        raise AssertionError(f"{error}; its status: {(one or {}).get('status')}") from None
    return found


def owners(found: dict[str, Any]) -> list[str]:
    return [one["kind"] for one in found["metadata"].get("ownerReferences", ())]


def ours(found: dict[str, Any]) -> bool:
    return names.APPLYSET_PART_OF in found["metadata"].get("labels", {}) and not owners(found)


def records(found: dict[str, Any]) -> list[str]:
    return [one["manager"] for one in found["metadata"]["managedFields"]]


async def through(theatre: Theatre, controller: SealedController, name: str) -> bool:
    """Whether the controller has made the Secret of a SealedSecret, or tries no more."""
    found = await theatre.members[MEMBER].get("SealedSecret", name, theatre.namespace)
    conditions = ((found or {}).get("status") or {}).get("conditions", ())
    return any(one["status"] == "True" for one in conditions) or controller.gave_up(theatre.namespace, name)


async def vanish(api: Api, kind: str, name: str, namespace: str) -> None:
    """Delete it and wait until it is gone."""
    await api.delete(kind, name, namespace)

    async def gone() -> bool:
        return await api.get(kind, name, namespace) is None

    await until(gone, 60, what=f"{kind} {name} is gone")


async def copy_keys(theatre: Theatre, controller: SealedController) -> None:
    """Copy the controller's keys to the hub and put them on the ring of the member, as the guide says."""
    for key in await controller.keys():
        metadata = {
            "name": f"{key['metadata']['name']}-{theatre.number}",
            "namespace": names.HUB_NAMESPACE,
            "labels": {keys.LABEL: keys.ACTIVE},
        }
        await theatre.api.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": metadata,
                "type": key["type"],
                "data": key["data"],
            }
        )
        await fleethub(theatre, "seal-key", "assign", metadata["name"], "--ring", "default")


async def taken_over(
    theatre: Theatre, controller: SealedController, kubeseal: Path, seams: Seams | None = None
) -> dict[str, Any]:
    """A Secret of the controller's becomes the Application's; the SealedSecret, as it stands in Git."""
    api = theatre.members[MEMBER]
    await theatre.register(MEMBER)
    await theatre.start(seams)
    await certificate(theatre)
    body = sealed(kubeseal, controller.certificate, secret("db", theatre.namespace, password=CLEAR))
    await api.create(body)
    await made(theatre, "db", password=CLEAR)
    await copy_keys(theatre, controller)
    async with witnessed(api, theatre.namespace, "db") as witness:
        theatre.repo.commit({"apps/app/db.yaml": manifest_of(body)})
        await theatre.application()
        await theatre.synced()
    witness.unbroken()
    assert ours(witness.states[-1])
    return body


async def test_what_we_seal_opens_in_the_real_controller_in_each_scope(
    theatre: Theatre, controller: SealedController
) -> None:
    api, cert = theatre.members[MEMBER], ("--cert", str(controller.certificate))
    for scope in ("strict", "namespace-wide", "cluster-wide"):
        body = manifest_of(secret(f"s-{scope}", theatre.namespace, password=CLEAR))
        text = await given(theatre, body, "seal", *cert, "--scope", scope)
        assert CLEAR not in text
        await api.create(value(text))
        file = theatre.folder / f"{scope}.yaml"
        file.write_text(text)
        (theatre.folder / "more").write_text("second")
        await fleethub(
            theatre,
            "seal",
            *cert,
            "--from-file",
            f"token={theatre.folder / 'more'}",
            "--merge-into",
            str(file),
        )
        merged = value(file.read_text())
        await made(theatre, f"s-{scope}", password=CLEAR)
        await api.apply(merged)
        found = await made(theatre, f"s-{scope}", password=CLEAR, token="second")
        assert found["type"] == "Opaque"


async def test_a_url_of_the_controllers_is_as_good_as_its_certificate_in_a_file(
    theatre: Theatre, controller: SealedController
) -> None:
    text = await given(
        theatre,
        manifest_of(secret("db", theatre.namespace, password=CLEAR)),
        "seal",
        "--cert",
        f"{controller.url}/v1/cert.pem",
    )
    await theatre.members[MEMBER].create(value(text))
    await made(theatre, "db", password=CLEAR)


async def test_the_controllers_secret_becomes_ours_and_outlives_its_sealed_secret(
    theatre: Theatre, controller: SealedController, kubeseal: Path
) -> None:
    api = theatre.members[MEMBER]
    body = await taken_over(theatre, controller, kubeseal)
    other = sealed(kubeseal, controller.certificate, secret("other", theatre.namespace, password=CLEAR))
    await api.create(other)
    await made(theatre, "other", password=CLEAR)
    async with witnessed(api, theatre.namespace, "db") as witness:
        await vanish(api, "SealedSecret", "db", theatre.namespace)
        # What the garbage collector does to a Secret that nobody took over shows that it has looked.
        await api.delete("SealedSecret", "other", theatre.namespace)

        async def collected() -> bool:
            return await api.get("Secret", "other", theatre.namespace) is None

        await until(collected, 60, what="the other Secret goes with its SealedSecret")
    witness.unbroken()
    # What Git drops is nobody else's any more either.
    more = sealed(kubeseal, controller.certificate, secret("db", theatre.namespace, other="1"))
    theatre.repo.commit({"apps/app/db.yaml": manifest_of(more)})

    async def dropped() -> bool:
        return await data(theatre, "db") == {"other": "1"}

    await until(dropped, what="the key that Git names no more is gone")
    assert body["spec"]["encryptedData"].keys() == {"password"}


async def test_a_secret_goes_back_to_the_controller_and_comes_again_without_being_missing(
    theatre: Theatre, controller: SealedController, kubeseal: Path
) -> None:
    api, meddler = theatre.members[MEMBER], Meddler()
    await taken_over(theatre, controller, kubeseal, meddled(meddler))
    await vanish(api, "SealedSecret", "db", theatre.namespace)
    meddler.sent.clear()

    async def slow(_: str, request: Request) -> None:
        """However long a pass takes: the controller is through with a new SealedSecret before its next write."""
        begun = any(one.path.endswith("/sealedsecrets/db") for one in meddler.writes(MEMBER))
        if begun and request.writes and request.path.endswith("/secrets/db"):
            await until(
                lambda: through(theatre, controller, "db"), 30, what="the controller is through with it"
            )

    async with witnessed(api, theatre.namespace, "db") as witness:
        meddler.before = slow
        await theatre.application(secrets={"sealed": "PassThrough"})
        found = await made(theatre, "db", password=CLEAR)
        await theatre.synced()
        meddler.before = None

        async def untouched() -> bool:
            now = await api.get("Secret", "db", theatre.namespace)
            return now is not None and owners(now) == ["SealedSecret"]

        await holds(untouched, 2.0, what="the controller keeps it")
        assert names.FIELD_MANAGER not in records(found := await made(theatre, "db", password=CLEAR))
        assert names.APPLYSET_PART_OF not in found["metadata"].get("labels", {})
        assert MANAGED not in found["metadata"].get("annotations", {})
        one = await api.get("SealedSecret", "db", theatre.namespace)
        assert one is not None
        assert names.APPLYSET_PART_OF in one["metadata"]["labels"]

        await theatre.application(secrets={"sealed": "Resolve"})

        async def again() -> bool:
            now = await api.get("Secret", "db", theatre.namespace)
            return now is not None and ours(now)

        await until(again, what="it is ours again")

        async def pruned() -> bool:
            return await api.get("SealedSecret", "db", theatre.namespace) is None

        await until(pruned, 60, what="the SealedSecret goes")
        await theatre.synced()
        await holds(again, 2.0, what="it stays ours")
    witness.unbroken()


async def test_a_sealed_secret_that_the_cluster_refuses_leaves_the_secret_with_us(
    theatre: Theatre, controller: SealedController, kubeseal: Path
) -> None:
    api = theatre.members[MEMBER]
    await taken_over(theatre, controller, kubeseal)
    await vanish(api, "SealedSecret", "db", theatre.namespace)
    async with refusing(api, theatre.namespace), witnessed(api, theatre.namespace, "db") as witness:
        await theatre.application(secrets={"sealed": "PassThrough"})
        await theatre.told("app", "SyncFailed", f"{theatre.namespace}/db")
    witness.unbroken()
    assert ours(witness.states[-1])
    async with witnessed(api, theatre.namespace, "db") as witness:
        await made(theatre, "db", password=CLEAR)
        await theatre.synced()
    witness.unbroken()
    assert owners(witness.states[-1]) == ["SealedSecret"]


@contextlib.asynccontextmanager
async def refusing(api: Api, namespace: str) -> AsyncIterator[None]:
    """Have the API server refuse every SealedSecret of a namespace, by its own admission rules."""
    group, name = "admissionregistration.k8s.io/v1", f"no-sealed-secrets-{namespace}"
    rule = {
        "apiGroups": ["bitnami.com"],
        "apiVersions": ["v1alpha1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["sealedsecrets"],
    }
    await api.apply(
        {
            "apiVersion": group,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "resourceRules": [rule],
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                },
                "validations": [{"expression": "false", "message": "not here"}],
            },
        }
    )
    await api.apply(
        {
            "apiVersion": group,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"]},
        }
    )
    metadata = {"name": "probe", "namespace": namespace}

    async def refused() -> bool:
        try:
            await api.create(
                {
                    "apiVersion": "bitnami.com/v1alpha1",
                    "kind": "SealedSecret",
                    "metadata": metadata,
                    "spec": {"encryptedData": {}},
                }
            )
        except FleetError:
            return True
        await api.delete("SealedSecret", "probe", namespace)
        return False

    try:
        await until(refused, 30, what="the admission rule holds", interval=0.1)
        yield
    finally:
        await api.delete("ValidatingAdmissionPolicyBinding", name)
        await api.delete("ValidatingAdmissionPolicy", name)
