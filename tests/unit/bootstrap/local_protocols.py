"""The types of this folder's fixtures."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol


class Kubectl(Protocol):
    def __call__(self, kubeconfig: Path, *arguments: str) -> str: ...


class Eventually(Protocol):
    def __call__(self, condition: Callable[[], bool], seconds: float = 10.0) -> None: ...
