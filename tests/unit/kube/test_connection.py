"""fleet.kube.connection: values in, values out."""

from __future__ import annotations

from dataclasses import replace

from fleet.kube.connection import Connection

CANARY = "canary-5f2a"


def test_the_repr_holds_no_credential() -> None:
    connection = Connection(
        "https://a.example",
        token=CANARY,
        client_cert=CANARY.encode(),
        client_key=CANARY.encode(),
        basic=(CANARY, CANARY),
        proxy_url=f"http://u:{CANARY}@proxy",
    )
    assert CANARY not in repr(connection)
    assert "https://a.example" in repr(connection)
    assert "token" in repr(connection)


def test_two_connections_of_the_same_content_are_equal_whatever_renews_their_token() -> None:
    async def refresh() -> str:
        return "x"

    connection = Connection("https://a.example", token="t")
    assert connection == replace(connection, refresh=refresh)
    assert connection != replace(connection, token="u")
