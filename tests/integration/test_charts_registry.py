"""Charts of a real registry: passwords, tokens, redirects, and what is not what it says."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.local.authority import Authority
from fleet.charts import oci
from fleet.charts.door import RegistryUnreachable
from fleet.charts.oci import Tampered
from fleet.charts.versions import VersionNotFound
from fleet.errors import RepositoryRefused
from fleet.outward import Outward
from fleet.render.ground import RemoteChart
from tests.integration.test_charts import chart
from tests.stage.api import until
from tests.stage.chartrepository import package
from tests.stage.registry import AUTHORIZED, Front, Registry, Storage, Tokens, serving
from tests.stage.shelf import INTERVAL, secret, shelf


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "charts-ca")


@pytest.fixture
def registry(tmp_path: Path, authority: Authority) -> Iterator[Registry]:
    """With TLS by a private CA, and a password."""
    with serving(Registry(tmp_path / "registry", authority, password=True)) as registry:
        yield registry


def fill(registry: Registry, tmp_path: Path, *versions: str) -> dict[str, Path]:
    found = {one: package(tmp_path / one, tmp_path / "out", chart(one)) for one in versions}
    for archive in found.values():
        registry.push(archive)
    return found


def web(host: str, version: str) -> RemoteChart:
    return RemoteChart(f"oci://{host}/charts", "web", version)


def allowed(*hosts: str) -> tuple[str, ...]:
    return tuple(f"https://{host}/" for host in hosts)


async def test_a_registry_with_a_password_and_a_private_ca_is_read_by_a_secret_as_argo_cd_writes_it(
    tmp_path: Path, registry: Registry, authority: Authority
) -> None:
    fill(registry, tmp_path, "0.9.0", "1.4.2", "1.5.0+build.7", "2.0.0-rc.1")
    given = secret(f"{registry.host}/charts", authority, enableOCI="true")
    async with shelf(tmp_path / "kept", given, allow=allowed(registry.host)) as shelf_:
        version, files = await shelf_.files(web(registry.host, "^1"))
        assert version == "1.5.0+build.7"
        assert b"version: 1.5.0+build.7" in files["Chart.yaml"]
        assert await shelf_.version(web(registry.host, "0.9.0")) == "0.9.0"
        assert await shelf_.version(web(registry.host, ">=2.0.0-0")) == "2.0.0-rc.1"
        with pytest.raises(VersionNotFound, match=r"no version of web that fits \^7; it has"):
            await shelf_.version(web(registry.host, "^7"))
        with pytest.raises(VersionNotFound, match=r"has no version 7\.0\.0 of charts/web"):
            await shelf_.version(web(registry.host, "7.0.0"))
        with pytest.raises(VersionNotFound, match="has no chart charts/none"):
            await shelf_.version(web(registry.host, "^1")._replace(name="none"))


@pytest.mark.parametrize("how", ["nobody", "wrong"])
async def test_who_may_not_read_is_told_so_without_the_password(
    tmp_path: Path, registry: Registry, authority: Authority, how: str
) -> None:
    fill(registry, tmp_path, "1.0.0")
    given = [secret(registry.host, authority, password="not-this-one")] if how == "wrong" else []
    out = Outward(roots=authority.files.certificate.read_bytes())
    async with shelf(tmp_path / "kept", *given, allow=allowed(registry.host), out=out) as shelf_:
        with pytest.raises(RegistryUnreachable) as error:
            await shelf_.version(web(registry.host, "^1"))
    wanted = "a repository Secret must name it" if how == "nobody" else "its credential may not read"
    assert f"{registry.host} answers 401 for charts/web: {wanted}" in str(error.value)
    assert "not-this-one" not in str(error.value)


async def test_tokens_that_another_host_gives_out_open_a_registry(
    tmp_path: Path, authority: Authority
) -> None:
    with (
        Tokens("tokens", authority) as tokens,
        serving(Registry(tmp_path / "registry", authority, tokens=tokens)) as registry,
    ):
        fill(registry, tmp_path, "1.0.0", "1.1.0")
        given = secret(f"oci://{registry.host}/charts", authority)
        place = allowed(registry.host, f"localhost:{tokens.port}")
        tokens.asked.clear()
        async with shelf(tmp_path / "kept", given, allow=place) as shelf_:
            assert await shelf_.version(web(registry.host, "^1")) == "1.1.0"
        assert [sent for _, sent in tokens.asked] == [AUTHORIZED]
        assert "scope=repository%3Acharts%2Fweb%3Apull" in tokens.asked[0][0]

        tokens.asked.clear()
        async with shelf(
            tmp_path / "none",
            allow=place,
            out=Outward(roots=authority.files.certificate.read_bytes()),
        ) as shelf_:
            with pytest.raises(RegistryUnreachable, match="gives no token for charts/web"):
                await shelf_.version(web(registry.host, "^1"))
        assert [sent for _, sent in tokens.asked] == [""]

        async with shelf(tmp_path / "none", given, allow=allowed(registry.host)) as shelf_:
            with pytest.raises(RepositoryRefused, match="localhost"):
                await shelf_.version(web(registry.host, "^1"))


async def test_tags_are_read_over_all_pages(
    tmp_path: Path, registry: Registry, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(registry, tmp_path, *(f"1.{minor}.0" for minor in (0, 1, 2, 3, 10)))
    monkeypatch.setattr(oci, "PAGE", 2)
    given = secret(registry.host, authority)
    async with shelf(tmp_path / "kept", given, allow=allowed(registry.host)) as shelf_:
        assert await shelf_.version(web(registry.host, "^1")) == "1.10.0"


async def test_a_blob_that_somebody_changed_is_refused_and_the_last_good_one_stays(
    tmp_path: Path, registry: Registry, authority: Authority
) -> None:
    fill(registry, tmp_path, "1.0.0")
    given = secret(registry.host, authority)
    async with shelf(tmp_path / "kept", given, allow=allowed(registry.host)) as shelf_:
        wanted = web(registry.host, "^1")
        assert await shelf_.version(wanted) == "1.0.0"
        evil = package(tmp_path / "evil", tmp_path / "evil-out", chart("1.1.0", extra="evil")).read_bytes()
        good = fill(registry, tmp_path, "1.1.0")["1.1.0"].read_bytes()
        registry.blob(hashlib.sha256(good).hexdigest()).write_bytes(evil[: len(good)].ljust(len(good), b"\0"))
        shelf_.clock.advance(INTERVAL * 2)

        async def refused() -> bool:
            return isinstance(shelf_.charts.error(wanted), Tampered)

        await until(refused, 20, what="the blob is refused")
        assert f"{registry.host}/charts/web:1.1.0" in str(shelf_.charts.error(wanted))
        assert await shelf_.version(wanted) == "1.0.0"
        with pytest.raises(Tampered):
            await shelf_.version(web(registry.host, "1.1.0"))
    assert not list((tmp_path / "kept").glob(f"{hashlib.sha256(evil).hexdigest()}*"))


async def test_neither_password_nor_token_follows_a_blob_to_another_host(
    tmp_path: Path, registry: Registry, authority: Authority
) -> None:
    fill(registry, tmp_path, "1.0.0")
    with (
        Storage("storage", authority, registry) as storage,
        Front("front", authority, registry, storage.url) as front,
    ):
        host = f"localhost:{front.port}"
        given = secret(f"oci://{host}/charts", authority)
        out = Outward(roots=authority.files.certificate.read_bytes())
        place = allowed(host, f"localhost:{storage.port}")
        for number, everywhere in enumerate((False, True)):
            async with shelf(tmp_path / f"kept-{number}", given, allow=place, out=out) as shelf_:
                assert await shelf_.version(web(host, "^1"), everywhere=everywhere) == "1.0.0"
        assert [sent for _, sent in storage.asked] == ["", ""]
        assert AUTHORIZED in [sent for _, sent in front.asked]

        async with shelf(tmp_path / "none", given, allow=allowed(host), out=out) as shelf_:
            with pytest.raises(RepositoryRefused, match="localhost"):
                await shelf_.version(web(host, "^1"))


async def test_a_registry_that_is_down_leaves_what_is_known_over_a_restart_and_says_which(
    tmp_path: Path, registry: Registry, authority: Authority
) -> None:
    fill(registry, tmp_path, "1.0.0")
    given = secret(registry.host, authority)
    wanted, exact = web(registry.host, "^1"), web(registry.host, "1.0.0")
    async with shelf(tmp_path / "kept", given, allow=allowed(registry.host)) as shelf_:
        before = await shelf_.files(wanted)
        await shelf_.files(exact)
    registry.stop()
    async with shelf(tmp_path / "kept", given, allow=allowed(registry.host)) as shelf_:
        assert await shelf_.files(wanted) == before
        assert await shelf_.files(exact) == before

        async def told() -> bool:
            return shelf_.told == [wanted]

        await until(told, 20, what="the range is asked for, and its error told")
        assert str(shelf_.charts.error(wanted)) == "127.0.0.1 could not be reached"
        assert shelf_.charts.error(exact) is None
        with pytest.raises(RegistryUnreachable):
            await shelf_.version(web(registry.host, "^2"))

        registry.start()
        fill(registry, tmp_path, "1.2.0")

        async def newer() -> bool:
            shelf_.clock.advance(10)
            await asyncio.sleep(0.1)
            return await shelf_.version(wanted) == "1.2.0"

        await until(newer, 20, what="it is asked again after a while")
        assert shelf_.charts.error(wanted) is None


async def test_a_manifest_that_is_not_what_the_registry_says_is_refused(
    tmp_path: Path, registry: Registry, authority: Authority
) -> None:
    fill(registry, tmp_path, "1.0.0")
    kept = [path for path in (registry.folder / "data").rglob("data") if path.is_file()]
    manifest = next(path for path in kept if b"vnd.cncf.helm.chart.content" in path.read_bytes())
    manifest.write_bytes(manifest.read_bytes().replace(b'image.version":"1.0.0"', b'image.version":"9.0.0"'))
    given = secret(registry.host, authority)
    async with shelf(tmp_path / "kept", given, allow=allowed(registry.host)) as shelf_:
        with pytest.raises(Tampered, match="has not the digest that the registry says"):
            await shelf_.version(web(registry.host, "1.0.0"))


async def test_a_password_does_not_go_without_tls(tmp_path: Path) -> None:
    with serving(Registry(tmp_path / "registry", password=True)) as registry:
        fill(registry, tmp_path, "1.0.0")
        async with shelf(
            tmp_path / "kept", secret(registry.host), allow=(f"http://{registry.host}/",)
        ) as shelf_:
            with pytest.raises(RegistryUnreachable, match="a password is not sent without TLS"):
                await shelf_.version(web(registry.host, "^1"))


async def test_a_registry_that_nobody_allows_is_not_opened(
    tmp_path: Path, registry: Registry, authority: Authority
) -> None:
    async with shelf(tmp_path / "kept", secret(registry.host, authority), allow=()) as shelf_:
        for host in (registry.host, "169.254.169.254", "localhost:5000", "[::1]"):
            with pytest.raises(RepositoryRefused, match="--allow-git"):
                await shelf_.version(web(host, "^1"))
        with pytest.raises(RepositoryRefused, match="name it by a repository Secret"):
            await shelf_.version(web("10.1.2.3", "^1"))
