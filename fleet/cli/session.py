"""The client half's connection to the hub's API server, for the length of one command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from fleet.cli.errors import CliError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fleet.cli.options import Hub
    from fleet.clock import Clock
    from fleet.errors import FleetError
    from fleet.kube.budget import Budget
    from fleet.kube.client import Client
    from fleet.kube.connection import Connection
    from fleet.kube.request import Send

T = TypeVar("T")

_HINTS: Final = {
    "KubeconfigInvalid": "Give --kubeconfig FILE and --context NAME of the hub",
    "Unreachable": "Check that the API server runs, and --kubeconfig and --context",
    "Forbidden": "Ask for these rights, or use another --context",
    "KindUnknown": "Run 'fleethub install' on this cluster first",
}


class Session(NamedTuple):
    """One command's hub. ``open`` gives clients for other servers that end with the session."""

    hub: Hub
    send: Send
    open: Callable[[Connection], Client]


def run(verb: Callable[[Session], Awaitable[T]], hub: Hub) -> T:
    """Run a verb against the hub; whatever the hub refuses ends as a CliError of one line."""
    import asyncio  # noqa: PLC0415

    from fleet.errors import FleetError  # noqa: PLC0415

    try:
        return asyncio.run(_within(verb, hub))
    except FleetError as error:
        raise failed(error) from None


def failed(error: FleetError, hint: str = "") -> CliError:
    """Turn an error of the library into one of the command line."""
    return CliError(error.text, hint=hint or _HINTS.get(error.reason, ""))


async def _within(verb: Callable[[Session], Awaitable[T]], hub: Hub) -> T:
    from fleet.clock import Clock  # noqa: PLC0415
    from fleet.kube import trusted  # noqa: PLC0415
    from fleet.kube.budget import Budget  # noqa: PLC0415

    connection = await trusted.load(hub.kubeconfig, hub.context)
    clients: list[Client] = []
    opener = _opener(clients, Clock(), Budget())
    try:
        return await verb(Session(hub, opener(connection).send, opener))
    finally:
        for client in clients:
            await client.close()


def _opener(clients: list[Client], clock: Clock, budget: Budget) -> Callable[[Connection], Client]:
    from fleet.kube.client import Client  # noqa: PLC0415

    def opened(connection: Connection) -> Client:
        # A name each: a server that does not answer must not make another one suspect.
        client = Client(connection, cluster=f"{len(clients)}", budget=budget, clock=clock)
        clients.append(client)
        return client

    return opened
