"""What the hub tells of the Secrets that it makes; never a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.cli.session import Session

FORMS: Final = {"Placeholders": "placeholders"}


async def ask(session: Session, key: tuple[str, str] | None) -> list[dict[str, Any]]:
    """The rows of one Application, or of all. Raises CliError."""
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415
    from fleet.cli.errors import CliError  # noqa: PLC0415
    from fleet.cli.live import Live  # noqa: PLC0415

    live = Live(session)
    found = await live.get("/secrets" if key is None else f"/applications/{key[0]}/{key[1]}/secrets")
    if not found:
        if key is not None:
            await objects.get(session.send, objects.At(names.APPLICATION, *key))
        raise CliError(live.why or "the hub does not know it yet", hint="Give --hub-url, or see 'app get'")
    return list(found.get("items", []))


def versions(one: Mapping[str, Any]) -> str:
    """``secret/app@3, secret/db@1`` of a row."""
    parts = [
        f"{source['source']}@{source['version']}" if source["version"] else source["source"]
        for source in one["sources"]
    ]
    return ", ".join(parts)


def state(one: Mapping[str, Any]) -> str:
    """How a row stands, in a word."""
    if one["problem"]:
        return str(one["problem"]).partition(":")[0]
    return "Delivered" if one["stands"] else "Pending"
