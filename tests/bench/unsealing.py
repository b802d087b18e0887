"""How fast sealed values are opened, beside what the machine's RSA can do at most.

Both in one process and on all cores, in turns, medians: raw private operations of RSA-4096 by ``cryptography`` in as many
threads as there are cores, and SealedSecrets by the hub's own way to clear text, from manifests to manifests, for several
Applications at once. The ratio of CPU times is told too: it stands still where others use the machine.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from fleet import names
from fleet.clock import Clock
from fleet.facts import Facts
from fleet.model import ApplicationKey, Manifest, ObjectRef, Origin, Walls
from fleet.secrets import arrange, keys, seal
from fleet.secrets.fetch import Fetching
from fleet.secrets.keyring import Keyring
from fleet.secrets.resolve import Resolving
from fleet.secrets.vault.vault import Vault
from fleet.secrets.version import Place

ROUNDS = 7
COUNT = 800  # values a round, or fewer where a machine takes long
LEAST = 80
SECONDS = 1.0
APPLICATIONS = 4
RING = "default"
NAMESPACE = "bench"


def rates() -> dict[str, float]:
    """Values opened a second in SealedSecrets of four, raw operations a second, and the ratio; that of single values too."""
    body = keys.make(RING, names.HUB_NAMESPACE, time.time())
    key = keys.read({**body, "metadata": {**body["metadata"], "name": "key"}})
    count = int(min(COUNT, max(LEAST, _raw(key, LEAST) * SECONDS))) // 4 * 4
    return asyncio.run(_rates(key, count))


async def _rates(key: keys.SealingKey, count: int) -> dict[str, float]:
    several, single = _sealed(key, count, 4), _sealed(key, count, 1)
    keyring = Keyring()
    keyring.put(key)

    async def nobody(*_: Any) -> Any:
        raise AssertionError("nothing is fetched")

    vault = Vault(nobody, nobody, Clock())
    fetching = Fetching(vault, lambda *_: None, nobody, 60.0)
    resolving = Resolving(keyring, lambda _: (RING,), fetching)
    opened, raw, ratios, alone, cpu = [], [], [], [], []
    try:
        for _ in range(ROUNDS):
            begun = time.process_time()
            raw.append(await asyncio.to_thread(_raw, key, count))
            between = time.process_time()
            opened.append(await _opened(resolving, several, count))
            cpu.append((between - begun) / (time.process_time() - between))
            ratios.append(opened[-1] / raw[-1])
            alone.append(await _opened(resolving, single, count) / raw[-1])
    finally:
        resolving.close()
        await vault.close()
    assert keyring.operations == 2 * ROUNDS * count, "a value costs one RSA operation"
    return {
        "per_s": round(statistics.median(opened)),
        "rsa_per_s": round(statistics.median(raw)),
        "ratio": round(statistics.median(ratios), 3),
        "single_ratio": round(statistics.median(alone), 3),
        "cpu_ratio": round(statistics.median(cpu), 3),
    }


def _sealed(key: keys.SealingKey, count: int, values: int) -> list[Manifest]:
    public, made = key.private.public_key(), []
    for number in range(count // values):
        name = f"s-{number}"
        place = seal.label(seal.Scope.STRICT, NAMESPACE, name)
        manifest = sealed(
            name, {f"k{index}": seal.seal(public, place, os.urandom(24)) for index in range(values)}
        )
        made.append(
            Manifest(
                ObjectRef("", "Secret", NAMESPACE, name),
                "v1",
                orjson.dumps(manifest),
                Origin("a"),
                form=arrange.SEALED,
            )
        )
    return made


def sealed(name: str, encrypted: dict[str, str]) -> dict[str, Any]:
    """A SealedSecret as ``kubeseal`` writes it."""
    metadata = {"name": name, "namespace": NAMESPACE}
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": metadata,
        "spec": {"encryptedData": encrypted, "template": {"metadata": metadata}},
    }


def _raw(key: keys.SealingKey, total: int) -> float:
    cores = os.cpu_count() or 1
    place = seal._padding(b"bench/raw")
    wrapped = key.private.public_key().encrypt(os.urandom(32), place)

    def run(count: int) -> None:
        for _ in range(count):
            key.private.decrypt(wrapped, place)

    with ThreadPoolExecutor(cores) as pool:
        begun = time.perf_counter()
        list(pool.map(run, [total // cores] * cores))
        return total // cores * cores / (time.perf_counter() - begun)


async def _opened(resolving: Resolving, manifests: list[Manifest], count: int) -> float:
    begun = time.perf_counter()
    await asyncio.gather(
        *(
            resolving.clear(
                manifest,
                Place(
                    ApplicationKey(names.HUB_NAMESPACE, f"app-{number % APPLICATIONS}"), Facts("eu"), Walls()
                ),
            )
            for number, manifest in enumerate(manifests)
        )
    )
    return count / (time.perf_counter() - begun)
