"""The options that every verb of the client half takes, gathered into one value."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import click

from fleet import duration, names

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Hub(NamedTuple):
    """Which hub, as whom, and how to print. ``namespace`` None: not given."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
    hub_namespace: str = names.HUB_NAMESPACE
    output: str = "table"
    hub_url: str | None = None

    @property
    def place(self) -> str:
        """The namespace of what is named: the one given, else the hub's own."""
        return self.namespace or self.hub_namespace


def hub_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the function gets a `Hub` first."""

    @functools.wraps(function)
    def wrapper(**given: Any) -> Any:
        hub = Hub(*(given.pop(f"hub_{field}") for field in Hub._fields))
        return function(hub, **given)

    for option in reversed(_OPTIONS):
        option(wrapper)
    return wrapper


_OPTIONS: tuple[Decorator, ...] = (
    click.option(
        "--kubeconfig",
        "hub_kubeconfig",
        metavar="FILE",
        help="Kubeconfig of the hub. Default: as kubectl finds it.",
    ),
    click.option("--context", "hub_context", metavar="NAME", help="Context in the kubeconfig."),
    click.option(
        "-n", "--namespace", "hub_namespace", metavar="NAME", help="Namespace. Default: that of the hub."
    ),
    click.option(
        "--hub-namespace",
        "hub_hub_namespace",
        metavar="NAME",
        default=names.HUB_NAMESPACE,
        envvar="FLEETHUB_NAMESPACE",
        show_default=True,
        help="Namespace that the hub runs in.",
    ),
    click.option(
        "-o",
        "--output",
        "hub_output",
        type=click.Choice(["table", "json", "yaml"]),
        default="table",
        help="How to print.",
    ),
    click.option(
        "--hub-url",
        "hub_hub_url",
        metavar="URL",
        envvar="FLEETHUB_URL",
        help="URL of the hub's own API. Default: found through its Lease, then through the API server.",
    ),
)


def timeout_option(default: str = "5m") -> Decorator:
    """Add ``--timeout`` as seconds; ``90``, ``90s``, ``5m`` and ``1h30m`` are read."""
    return click.option(
        "--timeout",
        type=seconds,
        metavar="TIME",
        default=default,
        show_default=True,
        help="How long to wait.",
    )


def seconds(text: str) -> float:
    """Read a duration: ``90``, ``90s``, ``5m`` or ``1h30m``."""
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return duration.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def pair(text: str) -> tuple[str, str]:
    """Read ``key=value``."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.BadParameter(f"{text!r} is not key=value")
    return key, value


def change(text: str) -> tuple[str, str | None]:
    """Read ``key=value``, or ``key-`` for one that is to go."""
    return (text[:-1], None) if text.endswith("-") and "=" not in text and len(text) > 1 else pair(text)


def split_name(name: str, hub: Hub) -> tuple[str, str]:
    """Read ``NAME`` or ``NAMESPACE/NAME``."""
    namespace, slash, rest = name.partition("/")
    return (namespace, rest) if slash else (hub.place, name)
