"""``fleethub`` with every logger at DEBUG, which writes down what it starts and opens; and, if told, leaks.

    LOUD_NOTES=FILE [LOUD_LEAKS=1] python -m tests.stage.loudhub hub ...

Contract: the product is untouched; all is put around it here. A line of FILE is ``spawn`` with arguments and environment,
``write`` with the path of a file that was opened to be written, or ``dumpable`` at the end. With LOUD_LEAKS what a Secret called ``leak-...`` stands for leaves by the
door that its name says.
"""

from __future__ import annotations

import atexit
import base64
import ctypes
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleet import log
from fleet.errors import FleetError
from fleet.hub.secrets import Secrets

PR_GET_DUMPABLE = 3
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def loud() -> None:
    """From now on nobody makes a logger quieter, the product's own set-up included."""
    setup = log.setup

    def louder(form: str, level: str) -> None:
        setup(form, level)
        every = [logging.getLogger(), *map(logging.getLogger, logging.Logger.manager.loggerDict)]
        for one in every:
            one.setLevel(logging.DEBUG)
        logging.Logger.setLevel = lambda *_: None  # type: ignore[method-assign]

    log.setup = louder


def noted(file: Path) -> None:
    """Write down what is started and what is opened to be written."""
    into = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(kind: str, told: object) -> None:
        os.write(into, f"{json.dumps([kind, told], default=repr)}\n".encode())

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
            note("spawn", [_plain(one) for one in given])
        elif event == "open" and isinstance(given[2], int) and given[2] & WRITES:
            note("write", given[0])

    sys.addaudithook(hook)
    atexit.register(lambda: note("dumpable", ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)))


def _plain(given: object) -> object:
    """Arguments and environment as text, not as Python writes them."""
    if isinstance(given, Mapping):
        return [f"{_plain(key)}={_plain(value)}" for key, value in given.items()]
    if isinstance(given, list | tuple):
        return [_plain(one) for one in given]
    return os.fsdecode(given) if isinstance(given, str | bytes | os.PathLike) else repr(given)


class Told(FleetError):
    """An error that quotes what it was given."""

    reason = "Told"


def leaking() -> None:
    """Have what Secrets called ``leak-...`` stand for leave."""
    clear = Secrets.clear

    async def leaky(self: Secrets, asked: Any) -> bytes:
        found = await clear(self, asked)
        name = asked.manifest.ref.name
        if not name.startswith("leak-"):
            return found
        body = json.loads(found)
        value = base64.b64decode(body["data"]["password"])
        match name.removeprefix("leak-"):
            case "log":
                log.get("leak").debug("opened", what=value.hex())
            case "file":
                with tempfile.NamedTemporaryFile(delete=False) as file:
                    file.write(base64.b64encode(b"ab" + value))
            case "argument":
                subprocess.run(["/bin/true", value.decode()], check=True)
            case "environment":
                subprocess.run(["/bin/true"], check=True, env={"TOLD": value.decode()})
            case "status":
                raise Told(f"cannot use {value.decode()[:20]}", ref=asked.manifest.ref)
            case "annotation":
                body["metadata"].setdefault("annotations", {})["told"] = json.dumps(value.decode())
        return json.dumps(body).encode()

    Secrets.clear = leaky  # type: ignore[method-assign]


if __name__ == "__main__":
    from fleet.cli import main

    loud()
    noted(Path(os.environ.pop("LOUD_NOTES")))
    if os.environ.pop("LOUD_LEAKS", ""):
        leaking()
    main.run()
