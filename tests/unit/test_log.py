"""What reaches the log: each case logs in a process of its own, since logging is set up once."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from fleet.log import MASK, places, redact
from fleet.model import Health, ObjectRef, Sync

_PROGRAM = """
import asyncio, gc, logging, sys
from fleet import log
log.setup(sys.argv[1], "info")
logger = log.get("room")
logger.info("applied", cluster="eu", token="hunter2", deep={"password": "hunter2", "list": [b"hunter2"]})
logger.debug("not told")
def fail():
    local = "hunter2"
    try:
        raise ValueError(local)
    except ValueError as error:
        raise KeyError(local) from error
try:
    fail()
except KeyError as error:
    logger.exception("broke", error=error)
    logging.getLogger("kopf.objects").exception("handler of %s failed", "hunter2")
logging.getLogger("aiohttp").info("hunter2")
async def main():
    task = asyncio.ensure_future(asyncio.to_thread(fail))
    await asyncio.wait([task])
    del task
    gc.collect()
asyncio.run(main())
"""
# Each of these ends in words of Python's own, on standard error.
_UNCAUGHT = """
import logging, sys, threading, warnings
from fleet import log
log.setup("json", "info")
class Broken:
    def __del__(self):
        raise ValueError("hunter2")
Broken()
warnings.warn("hunter2")
logging.getLogger("other").error("%d of them", "hunter2")
thread = threading.Thread(target=lambda: int("hunter2"))
thread.start()
thread.join()
{}["hunter2"]
"""


def _logged(form: str) -> str:
    done = subprocess.run([sys.executable, "-c", _PROGRAM, form], capture_output=True, check=True, text=True)
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("form", ["console", "json"])
def test_nothing_secret_reaches_the_log_not_even_through_tracebacks_and_other_libraries(form: str) -> None:
    text = _logged(form)
    assert "hunter2" not in text
    assert "not told" not in text
    for told in (
        "applied",
        "broke",
        "handler of %s failed",
        "Task exception was never retrieved",
        "KeyError",
    ):
        assert told in text


def test_what_python_itself_would_write_of_an_error_nobody_caught_has_no_content() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _UNCAUGHT], capture_output=True, check=False, text=True, timeout=30
    )
    assert done.returncode == 1
    assert "hunter2" not in done.stdout + done.stderr
    told = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert "an error ends the process" in told
    assert "an error ends a thread" in told
    assert "an error where nobody could be told" in told
    assert "a library warns" in told


def test_json_has_one_object_a_line_with_constant_event_level_and_time() -> None:
    first, second, third, *_ = (json.loads(line) for line in _logged("json").splitlines())
    assert (first["event"], first["level"], first["cluster"], first["room"]) == (
        "applied",
        "info",
        "eu",
        "room",
    )
    assert first["timestamp"].endswith("Z")
    assert second["traceback"][0] == "an unforeseen error (KeyError)"
    assert any(line.endswith(" fail") for line in second["traceback"])
    assert "an unforeseen error (ValueError)" in second["traceback"]
    assert third["room"] == "kopf.objects"


def test_values_under_secret_looking_keys_and_bytes_are_masked_at_any_depth() -> None:
    event = {
        "event": "x",
        "apiToken": "s",
        "data": {"a": "s"},
        "metadata": {"name": "n", "kubeconfig": "s"},
        "items": [{"clientSecret": "s"}, b"s", ("a", b"s")],
    }
    assert redact(None, "info", event) == {
        "event": "x",
        "apiToken": MASK,
        "data": MASK,
        "metadata": {"name": "n", "kubeconfig": MASK},
        "items": [{"clientSecret": MASK}, MASK, ["a", MASK]],
    }
    assert event["apiToken"] == "s"


def test_objects_are_told_by_type_and_keys_and_words_as_people_write_them() -> None:
    told = redact(
        None,
        "info",
        {
            "ref": ObjectRef("apps", "Deployment", "shop", "web"),
            "sync": Sync.SYNCED,
            "health": Health.HEALTHY,
            "o": object(),
        },
    )
    assert told == {"ref": "Deployment.apps shop/web", "sync": "Synced", "health": "HEALTHY", "o": "<object>"}


def test_a_chain_of_causes_ends() -> None:
    first = error = ValueError("hunter2")
    for _ in range(20):
        nested = ValueError("hunter2")
        error.__cause__ = nested
        error = nested
    assert len(places(first)) == 5
