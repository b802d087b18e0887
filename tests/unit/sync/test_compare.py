"""What a dry run would change, where metadata alone does not tell."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from fleet.kube.request import JSON, Answer, Request
from fleet.sync.compare import compare
from fleet.sync.shape import Shaped


@pytest.mark.parametrize("levels", [600, 1_500])
@pytest.mark.parametrize(("size", "differs"), [(1, False), (2, True)])
async def test_an_object_nested_without_end_is_compared_by_what_git_can_say(
    make: Any, size: int, levels: int, *, differs: bool
) -> None:
    depths = b'{"a":' * levels + b"1" + b"}" * levels
    ref = make.placed(make.lease).ref
    entries = [{"manager": "fleethub", "operation": "Apply", "time": "1", "fieldsV1": {"f:spec": {}}}]
    metadata = {"name": ref.name, "namespace": ref.namespace, "uid": "u1", "resourceVersion": "1"}

    async def send(request: Request) -> Answer:
        dry = request.verb == "PATCH"
        named = {**metadata, "managedFields": [{**entries[0], "time": "2"}]}
        text = orjson.dumps({"metadata": named, "spec": {"size": 1 if dry else size, "depths": "DEPTHS"}})
        return Answer(200, text.replace(b'"DEPTHS"', depths) if request.accept == JSON else text)

    placed = make.placed(make.lease)
    shaped = Shaped(ref, make.lease, b"{}", "", 0, (), placed)
    found = await compare(send, shaped, make.meta(make.lease, fields=entries))
    assert (found is not None) is differs
