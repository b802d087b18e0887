"""H22: an entry of an old version in managedFields blocks no apply at a new one."""

from __future__ import annotations

from typing import Any

import orjson

from fleet.errors import FleetError
from fleet.kube.request import MERGE_PATCH, Request
from tests.stage.api import Api, until
from tests.stage.theatre import Theatre, manifest_of


def crd(group: str, versions: dict[str, Any]) -> dict[str, Any]:
    """Things with a status; ``versions`` maps a version to more fields of its spec."""
    text = {"type": "string"}

    def schema(more: dict[str, Any]) -> dict[str, Any]:
        spec = {"type": "object", "properties": {"a": text, **more}}
        status = {"type": "object", "properties": {"phase": text}}
        return {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": status}}}

    newest = max(versions)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things", "singular": "thing", "listKind": "ThingList"},
            "versions": [
                {
                    "name": name,
                    "served": True,
                    "storage": name == newest,
                    "schema": schema(more),
                    "subresources": {"status": {}},
                }
                for name, more in versions.items()
            ],
        },
    }


async def served(member: Api, path: str) -> None:
    async def look() -> bool:
        try:
            await member.send(Request("GET", path))
        except FleetError:
            return False
        return True

    await until(look, what=f"{path} is served")


async def test_an_upgrade_with_a_new_default_does_not_block_what_git_changes_next(theatre: Theatre) -> None:
    """H22: the rule is ``fleet.ownership.patches.reversion``, for which ``fleet.sync.mend.mended`` asks."""
    group = f"blocked-{theatre.number}.example.dev"
    member = theatre.members["eu"]

    def thing(version: str, value: str) -> str:
        return manifest_of(
            {
                "apiVersion": f"{group}/{version}",
                "kind": "Thing",
                "metadata": {"name": "it"},
                "spec": {"a": value},
            }
        )

    def path(version: str) -> str:
        return f"/apis/{group}/{version}/namespaces/{theatre.namespace}/things"

    async def live() -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads((await member.send(Request("GET", f"{path('v2')}/it"))).body)
        return found

    await member.apply(crd(group, {"v1": {}}))
    try:
        await served(member, path("v1"))
        theatre.repo.commit({"apps/app/it.yaml": thing("v1", "1")})
        await theatre.register("eu")
        await theatre.start()
        await theatre.application()
        await theatre.synced()
        body = orjson.dumps({"status": {"phase": "Ready"}})
        query = (("fieldManager", "operator"),)
        await member.send(Request("PATCH", f"{path('v1')}/it/status", query, body, MERGE_PATCH))
        await member.apply(crd(group, {"v1": {}, "v2": {"level": {"type": "string", "default": "low"}}}))
        await served(member, path("v2"))
        commit = theatre.repo.commit({"apps/app/it.yaml": thing("v2", "1")})
        await theatre.synced(commit=commit)
        uid = (await live())["metadata"]["uid"]
        commit = theatre.repo.commit({"apps/app/it.yaml": thing("v2", "2")})
        await theatre.synced(commit=commit)
        found = await live()
        assert found["spec"] == {"a": "2", "level": "low"}
        assert found["status"] == {"phase": "Ready"}, "the operator's is as it was"
        assert found["metadata"]["uid"] == uid
        (theirs,) = [one for one in found["metadata"]["managedFields"] if one["manager"] == "operator"]
        assert theirs["subresource"] == "status"
    finally:
        await theatre.stop()
        await member.delete("CustomResourceDefinition", f"things.{group}")
