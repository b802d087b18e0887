"""What a server answers with, as a value or as an error of ours."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from fleet.secrets.vault import exchange
from fleet.secrets.vault.address import KvPath, Login, Method
from fleet.secrets.vault.failure import Refusal, VaultError, VaultUnreachable
from fleet.secrets.vault.question import Question, Verb

LOGIN = Login("https://vault.example:8200", "", Method.JWT, "jwt", "role")
DEEP = b"[" * 100_000 + b"]" * 100_000


class Canned(BaseAdapter):
    """A server that gives one answer."""

    def __init__(self, status: int, content: bytes) -> None:
        super().__init__()
        self._status, self._content = status, content

    def send(self, request: Any, **_: Any) -> requests.Response:  # type: ignore[override]
        response = requests.Response()
        response.status_code, response._content = self._status, self._content
        response.request, response.url = request, request.url
        return response

    def close(self) -> None:
        """Nothing is open."""


def put(status: int, content: bytes) -> Any:
    session = exchange.session("https", ssl.create_default_context(), "", connections=1, seconds=5)
    session.mount("https://", Canned(status, content))
    with session:
        question = Question(Verb.DATA, KvPath("secret", "shop/db", 1))
        return exchange.put(session, LOGIN, "token", question, (1.0, 1.0))


def test_a_value_that_is_nested_too_deep_is_an_error_of_its_path_and_not_of_the_server() -> None:
    with pytest.raises(VaultError, match=r"secret/shop/db: .* nested too deep") as failed:
        put(200, b'{"data":{"k":"v","x":' + DEEP + b"}}")
    assert not isinstance(failed.value, VaultUnreachable)


def test_a_refusal_that_is_nested_too_deep_is_a_refusal() -> None:
    assert put(404, b'{"data":' + DEEP + b"}") == Refusal(404)
