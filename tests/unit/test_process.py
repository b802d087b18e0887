"""The hub's process before it has begun."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from controllers import process
from fleet.errors import FleetError
from fleet.settings import Settings


def test_a_hub_begins_without_the_libraries_that_only_some_need_and_they_can_be_had_later() -> None:
    code = """
import sys, controllers.process
print([name for name in ("kubernetes", "hvac", "requests", "git") if name in sys.modules])
import kubernetes.client
print(kubernetes.client.V1ObjectMeta.__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "V1ObjectMeta"]


async def test_an_address_that_is_taken_is_told_by_name_and_what_to_do(tmp_path: Path) -> None:
    kubeconfig = {
        "clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "x", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "current-context": "x",
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        settings = Settings(
            kubeconfig=str(tmp_path / "kubeconfig"), listen=listen, data=str(tmp_path / "data")
        )
        with pytest.raises(FleetError, match=f"{listen}: address already in use; give --listen"):
            await process.run(settings, asyncio.Event())
