"""A request to look now, as an annotation of an Application: the verbs that ask differ in the annotation alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet.cli.options import Hub, split_name

if TYPE_CHECKING:
    from fleet.cli.session import Session


def ask(hub: Hub, name: str, annotation: str) -> str:
    """Write the annotation with the present time; the Application's full name. Raises CliError."""
    from fleet.cli.session import run  # noqa: PLC0415

    namespace, plain = split_name(name, hub)

    async def verb(session: Session) -> None:
        from datetime import UTC, datetime  # noqa: PLC0415

        from fleet import names  # noqa: PLC0415
        from fleet.cli import objects  # noqa: PLC0415

        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        at = objects.At(names.APPLICATION, namespace, plain)
        await objects.annotate(session.send, at, {annotation: time})

    run(verb, hub)
    return f"{namespace}/{plain}"
