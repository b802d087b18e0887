"""An object that nests deeper than a decoder goes is told, or read without its depths, and disturbs no other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson
import pytest

from fleet import names
from fleet.cli import objects
from fleet.errors import NotFound
from fleet.kube.request import JSON_PATCH, MERGE_PATCH, METADATA_ACCEPT, Request
from tests.hazards.scene import begin, has
from tests.stage.api import Api, until
from tests.stage.theatre import Theatre, config, definition, join, manifest_of

APPLICATIONS = f"/apis/{names.API_VERSION}/namespaces/{names.HUB_NAMESPACE}/applications"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
DEEPEST = 9_900  # an API server takes ten thousand levels in all
GROUP = "deep.example"
WIDGETS = f"/apis/{GROUP}/v1/namespaces/{{}}/widgets"


def nested(levels: int, key: str = "a", end: str = "1") -> str:
    return f'{{"{key}":' * levels + end + "}" * levels


@pytest.fixture
async def deep(theatre: Theatre) -> AsyncIterator[Theatre]:
    """A theatre in which Applications too deep for the tests' own reader are taken away before the end."""
    yield theatre
    await theatre.stop()
    await theatre.api.send(Request("DELETE", APPLICATIONS))


async def make(api: Api, name: str, levels: int) -> None:
    body = f"""{{"apiVersion": "{names.API_VERSION}", "kind": "Application", "metadata": {{"name": "{name}"}},
        "spec": {{"source": {{"repoURL": "https://g.example/a.git", "path": "x",
        "helm": {{"valuesObject": {nested(levels)}}}}}, "placement": {{"clusterSelector": {{}}}}}}}}"""
    await api.send(Request("POST", APPLICATIONS, body=body.encode(), accept=METADATA_ACCEPT))


async def says(theatre: Theatre, name: str, *words: str) -> None:
    """Wait until ``kubectl get -o wide`` shows these words of an Application, none of whose answers is deep."""

    async def look() -> bool:
        query = (("includeObject", "None"), ("fieldSelector", f"metadata.name={name}"))
        answer = await theatre.api.send(Request("GET", APPLICATIONS, query=query, accept=TABLE))
        return all(word in str(orjson.loads(answer.body)["rows"]) for word in words)

    await until(look, what=f"{name} says {words}")


@pytest.mark.parametrize("levels", [300, 1_100, DEEPEST])
async def test_an_application_nested_without_end_is_told_and_stops_nobody(deep: Theatre, levels: int) -> None:
    deep.repo.commit({"apps/app/a.yaml": config("a", k="1")})
    await begin(deep)
    await deep.application()
    await has(deep, "a", k="1")
    await make(deep.api, "deep", levels)
    await says(deep, "deep", "spec.source.helm.valuesObject: must be nested at most 100 deep")
    await deep.synced(commit=deep.repo.commit({"apps/app/a.yaml": config("a", k="2")}))
    await has(deep, "a", k="2")

    await deep.stop()
    await deep.start()
    commit = deep.repo.commit({"apps/app/a.yaml": config("a", k="3")})

    async def synced() -> bool:
        return (await deep.status()).get("revision") == commit

    await until(synced, what="the commit after the restart is synced")
    await has(deep, "a", k="3")
    # The list of every five minutes reads it too.
    deep.hub.clock.advance(340.0)
    await make(deep.api, "later", levels)
    await says(deep, "later", "must be nested at most 100 deep")

    listed = await objects.listed(deep.api.send, names.APPLICATION, names.HUB_NAMESPACE)
    assert {each["metadata"]["name"] for each in listed} == {"app", "deep", "later"}

    flat = orjson.dumps({"spec": {"source": {"helm": {"valuesObject": {"a": None, "b": 1}}}}})
    await deep.api.send(
        Request("PATCH", f"{APPLICATIONS}/deep", body=flat, content_type=MERGE_PATCH, accept=METADATA_ACCEPT)
    )
    await says(deep, "deep", "g.example")
    running = deep.running
    assert running
    assert not running.task.done()


async def test_an_object_of_a_member_nested_without_end_blinds_the_hub_to_no_other(theatre: Theatre) -> None:
    member = theatre.members["eu"]
    await member.apply(definition(GROUP))
    await until(lambda: listable(member), what="Widgets are served")
    theatre.repo.commit(
        {
            "apps/app/all.yaml": join(widget("mine"), config("mine", k="1")),
            "apps/other/all.yaml": join(widget("theirs"), config("theirs", k="1")),
        }
    )
    await begin(theatre)
    for name in ("app", "other"):
        await theatre.application(name)
        await theatre.synced(name)
    widgets = WIDGETS.format(theatre.namespace)
    mine = f"{widgets}/mine"
    await edit(member, mine, f'{{"spec": {{"depths": {nested(1_500)}}}}}')
    # A ConfigMap nests by what somebody writes into its managedFields alone.
    entry = f"""{{"manager": "x", "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1", "fieldsV1": {nested(1_500, "f:a", "{}")}}}"""
    change = f'[{{"op": "add", "path": "/metadata/managedFields/-", "value": {entry}}}]'
    maps = f"/api/v1/namespaces/{theatre.namespace}/configmaps"
    await edit(member, f"{maps}/mine", change, JSON_PATCH)
    await theatre.told("app", "ForeignFields", "spec.depths")

    for number in ("1", "2"):
        for name in ("theirs", "mine"):
            await edit(member, f"{widgets}/{name}", '{"spec": {"size": 9}}')
            await reads(member, f"{widgets}/{name}", b'"size":1')
            await edit(member, f"{maps}/{name}", '{"data": {"k": "9"}}')
            await reads(member, f"{maps}/{name}", b'"k":"1"')
        commit = theatre.repo.commit({"apps/other/b.yaml": config("b", k=number)})
        await theatre.synced("other", commit=commit)
        assert (await theatre.status("app"))["sync"] == "Synced"
        await theatre.stop()
        await theatre.start()

    await theatre.application(syncPolicy={"automated": {"selfHeal": True, "strict": True}})
    await reads(member, mine, without=b'"depths"')


def widget(name: str) -> str:
    metadata = {"name": name}
    return manifest_of(
        {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "metadata": metadata, "spec": {"size": 1}}
    )


async def listable(member: Api) -> bool:
    try:
        await member.list(f"widgets.{GROUP}")
    except NotFound:
        return False
    return True


async def edit(member: Api, path: str, change: str, form: str = MERGE_PATCH) -> None:
    """A patch of ``kubectl edit``, whose answer is not read: it may be deep."""
    query = (("fieldManager", "kubectl-edit"),)
    await member.send(
        Request("PATCH", path, query=query, body=change.encode(), content_type=form, accept=METADATA_ACCEPT)
    )


async def reads(member: Api, path: str, *parts: bytes, without: bytes = b"\0") -> None:
    """Wait until the text of an object, which may be too deep for a decoder, has these parts."""

    async def look() -> bool:
        text = (await member.send(Request("GET", path))).body
        return all(part in text for part in parts) and without not in text

    await until(look, what=f"{path} has {parts} and not {without!r}")
