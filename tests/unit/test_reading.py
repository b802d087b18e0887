"""What kopf reads of the API server."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Self

import pytest
from kopf._cogs.clients import api, fetching

from controllers import reading
from fleet.documents import deep

DEEP = '{"a":' * 5_000 + "1" + "}" * 5_000


class Response:
    """An answer, read as aiohttp reads one."""

    def __init__(self, text: str) -> None:
        self.text = text

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held."""

    async def json(self, *, loads: Any = json.loads) -> Any:
        return loads(self.text)


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """kopf, whose requests are answered by something deep, before our reader is put there."""

    async def request(*_: Any, **more: Any) -> Response:
        assert (more["method"], more["url"]) == ("get", "/a")
        return Response(DEEP)

    for name, value in {"request": request, "json": json, "get": api.get}.items():
        monkeypatch.setattr(api, name, value)
    reading.install()


@pytest.mark.usefixtures("answered")
async def test_kopf_reads_lists_and_events_that_nest_without_end() -> None:
    listed = await fetching.api.get("/a", settings=None, logger=None)
    assert deep.within(listed, deep.MOST + 1)
    assert deep.within(api.json.loads(DEEP), deep.MOST + 1)


@pytest.mark.usefixtures("answered")
async def test_to_have_it_there_twice_changes_nothing() -> None:
    reading.install()
    assert await api.get("/a", settings=None, logger=None) == reading.loads(DEEP)


def test_what_python_reads_by_itself_is_read_as_it_is() -> None:
    assert reading.loads('{"a": [1.5, "\\ud83d\\ude00"]}') == {"a": [1.5, "😀"]}
    assert not deep.within(reading.loads("[" * 300 + "]" * 300), deep.MOST)
    with pytest.raises(json.JSONDecodeError):
        reading.loads("{")
