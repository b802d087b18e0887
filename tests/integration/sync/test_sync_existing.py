"""What is there already, learned from metadata alone."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.kube.request import METADATA_LIST_ACCEPT
from fleet.model import Resource
from fleet.sync.existing import look


@pytest.mark.parametrize("lists", [True, False])
async def test_only_what_exists_and_was_asked_for_is_found(lab: Any, *, lists: bool) -> None:
    for name in ("a", "b", "unasked"):
        await lab.create(lab.config_map, name)
    await lab.create(lab.secret, "s", stringData={"k": "canary"})
    things = Resource("none.dev", "v1", "Thing", "things", namespaced=True)
    wanted = {
        lab.config_map: [lab.ref(lab.config_map, name) for name in ("a", "b", "missing")],
        lab.secret: [lab.ref(lab.secret, "s")],
        things: [lab.ref(things, "t1"), lab.ref(things, "t2")],
        lab.namespace_kind: [lab.ref(lab.namespace_kind, lab.namespace)],
    }
    found = await look(lab.send, wanted, lists=lists)
    assert {ref.name for ref in found} == {"a", "b", "s", lab.namespace}
    assert all(meta.uid and meta.ref == ref for ref, meta in found.items())


async def test_a_list_answers_for_all_objects_of_a_kind_and_namespace(lab: Any) -> None:
    await lab.create(lab.config_map, "a")
    wanted = {lab.config_map: [lab.ref(lab.config_map, f"n{number}") for number in range(20)]}
    assert await look(lab.send, wanted, lists=True) == {}
    (request,) = lab.sent
    assert request.accept == METADATA_LIST_ACCEPT


async def test_nothing_asked_is_nothing_sent(lab: Any) -> None:
    assert await look(lab.send, {}, lists=True) == {}
    assert not lab.sent
