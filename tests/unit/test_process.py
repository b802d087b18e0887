"""The hub's process before it has begun."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest

from controllers import process
from fleet.errors import FleetError
from fleet.settings import Settings


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
