"""The hub's settings, validated; ``python -m fleet.settings --write`` renews ``docs/settings.md``.

Contract: frozen. A flag wins over its variable, a variable over the default; lists are comma-separated in
variables. The table is ``fleet.setting_rows``; that both agree is tested.
"""

from __future__ import annotations

import os
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from fleet import duration
from fleet.setting_rows import ROWS

_PLACE: Final = re.compile(r"(capi|argocd)=[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
PAGE: Final = Path(__file__).parents[1] / "docs" / "settings.md"


def seconds(value: Any) -> Any:
    """``3m``, ``1h30m`` or a number as seconds; pydantic refuses what is neither."""
    try:
        return duration.parse(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _discover(value: Any) -> Any:
    """``capi=a,b`` and ``argocd=c`` as one ``form=namespace`` each; a part without form has that of the one before."""
    parts = (part.strip() for text in _texts(value) for part in text.split(","))
    found: list[str] = []
    form = ""
    for part in parts:
        before, equals, namespace = part.rpartition("=")
        form = before if equals else form
        if part and not _PLACE.fullmatch(f"{form}={namespace}"):
            raise ValueError("it is not capi=NAMESPACE or argocd=NAMESPACE")
        found += [f"{form}={namespace}"] if part else []
    return tuple(found)


def _texts(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _none(value: Any) -> Any:
    return None if value == "" else value


def _bracketed(value: Any) -> Any:
    """``http://fd00::7:8080``, as a Pod's address and a port make it, as the URL that is meant."""
    if not isinstance(value, str):
        return value
    scheme, separator, rest = value.partition("://")
    host, colon, port = rest.rpartition(":")
    return f"{scheme}{separator}[{host}]{colon}{port}" if ":" in host and "[" not in host else value


def _state() -> str:
    root = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return str(Path(root) / "fleethub")


def _moment(value: object) -> object:
    """An RFC 3339 time as seconds since the epoch; nothing is the beginning."""
    if not isinstance(value, str):
        return value
    return datetime.fromisoformat(value).timestamp() if value else 0.0


Seconds = Annotated[float, BeforeValidator(seconds), Field(gt=0)]
Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
# A bare * would make controllers of everybody's tools; the API server's own limit is 128 characters.
FieldManager = Annotated[str, Field(pattern=r"^[^*\s][^*\s]{0,127}\*?$")]
Optional = Annotated[str | None, BeforeValidator(_none)]


class Settings(BaseSettings):
    """See the module."""

    model_config = SettingsConfigDict(
        env_prefix="FLEETHUB_", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    kubeconfig: Optional = None
    context: Optional = None
    namespace: str = "fleethub"
    listen: str = "127.0.0.1:8080"
    url: Annotated[str, BeforeValidator(_bracketed)] = ""
    data: Annotated[str, BeforeValidator(lambda value: value or _state())] = Field(default_factory=_state)
    ca_file: str = ""
    allow_git: Listed = ()
    allow_exec: Listed = ()
    allow_proxy: Listed = ()
    discover: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_discover)] = ()
    poll_interval: Seconds = 180.0
    grace: Annotated[float, BeforeValidator(seconds), Field(ge=0)] = 300.0
    guard_percent: int = Field(default=20, ge=0, le=100)
    guard_count: int = Field(default=5, ge=0)
    interactive_manager: Annotated[tuple[FieldManager, ...], NoDecode, BeforeValidator(_listed)] = ()
    audit_interval: Seconds = 43200.0
    seal_key_renewal: Annotated[float, BeforeValidator(seconds), Field(ge=0)] = 2_592_000.0
    seal_key_cutoff: Annotated[float, BeforeValidator(_moment)] = 0.0
    secret_refresh: Seconds = 60.0
    lease_duration: Annotated[float, BeforeValidator(seconds), Field(ge=3)] = 12.0
    in_flight: int = Field(default=64, ge=1)
    in_flight_cluster: int = Field(default=16, ge=1)
    render_cache: int = Field(default=268_435_456, ge=0)
    render_disk: int = Field(default=1_073_741_824, ge=0)
    programs: Listed = ()
    kustomize_option: Annotated[
        tuple[Literal["enable-helm", "load-restrictor-none"], ...], NoDecode, BeforeValidator(_listed)
    ] = ()
    accept_renderer_changes: bool = False
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


def page() -> str:
    """The page that documents the table."""
    lines = [
        "# Settings of the hub",
        "",
        _INTRODUCTION,
        "",
        "| flag | variable | default | what it is |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{row.flag}` | `{row.variable}` | {_shown(row.default)} | {row.sentence} |" for row in ROWS]
    return "\n".join(lines) + "\n"


_INTRODUCTION: Final = (
    "Each is a flag of `fleethub hub` and an environment variable; the flag wins. "
    "Lists are given by repeating the flag, or separated by commas in the variable. "
    "What concerns one team stands in its Project."
)


def _shown(default: str) -> str:
    return f"`{default}`" if default else ""


def main(arguments: list[str]) -> int:
    """Write or check the page; 1 where it is stale."""
    if arguments == ["--write"]:
        PAGE.write_text(page())
        return 0
    if PAGE.read_text() == page():
        return 0
    sys.stderr.write("docs/settings.md is stale: python -m fleet.settings --write\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
