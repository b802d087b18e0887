"""A page of the documentation as somebody at a shell follows it."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parents[2] / "docs"
_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PATIENCE: Final = 90.0  # seconds that a line may take
_FAILS: Final = re.compile(r"  # exit code (\d+)$")


def blocks(page: str, section: str = "") -> list[tuple[str, str]]:
    """Language and text of each block, of a whole page or of one section."""
    text = (DOCS / page).read_text()
    if section:
        text = text.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return _BLOCK.findall(text)


class Shell:
    """Lines are run one by one; ``cd`` lasts, and a line says which exit code it expects."""

    def __init__(self, folder: Path, kubeconfig: Path, **more: str) -> None:
        self.folder = folder
        self._environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "HOME": str(folder),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            **more,
        }
        self._environment.pop("FLEETHUB_URL", None)

    async def run(self, line: str) -> str:
        """Run a line; what it says."""
        expected = _FAILS.search(line)
        command = line[: expected.start()] if expected else line
        if command.startswith("cd "):
            self.folder /= command.removeprefix("cd ")
            return ""
        process = await asyncio.create_subprocess_shell(
            command,
            cwd=self.folder,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise AssertionError(f"{line}\ndid not end in {PATIENCE} s") from None
        code = int(expected[1]) if expected else 0
        assert process.returncode == code, f"{line}\nended with {process.returncode}:\n{out.decode()}"
        return out.decode()
