"""Charts of a real repository and a real registry, on real members."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.local.authority import Authority
from fleet import names
from fleet.hub.turns import TURNS
from fleet.render.ground import RemoteChart
from tests.integration.test_sources import data, shows
from tests.stage.api import until
from tests.stage.chartrepository import PASSWORD, USER, ChartRepository, index, package
from tests.stage.registry import Registry, serving
from tests.stage.theatre import Theatre, config


def chart(version: str, **more: str) -> dict[str, str]:
    return {
        "Chart.yaml": f"apiVersion: v2\nname: web\nversion: {version}\n",
        "values.yaml": "colour: none\n",
        "templates/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n"
        f"data: {{version: '{version}', colour: {{{{ .Values.colour | quote }}}}}}\n",
        **more,
    }


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca", "charts-ca")


@pytest.fixture
def repository(tmp_path: Path, authority: Authority) -> Iterator[ChartRepository]:
    made = ChartRepository(tmp_path / "charts", authority)
    package(tmp_path / "one", made.folder, chart("1.0.0"))
    index(made.folder)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serving(Registry(tmp_path_factory.mktemp("registry"))) as registry:
        yield registry


async def trusted(theatre: Theatre, url: str, authority: Authority, **more: str) -> None:
    """A repository Secret as a person would write it."""
    given = {
        "type": "helm", "url": url, "username": USER, "password": PASSWORD,
        "caData": authority.files.certificate.read_text(), **more,
    }  # fmt: skip
    await theatre.api.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "charts",
                "namespace": names.HUB_NAMESPACE,
                "labels": {names.SECRET_TYPE: "repository"},
            },
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in given.items()},
        }
    )


async def begin(theatre: Theatre, *allow: str, **settings: str) -> None:
    await theatre.register("eu")
    theatre.repo.commit({"envs/eu/values.yaml": "colour: blue\n"})
    await theatre.start(allow_git=(f"{theatre.planes.git.url}/", *allow), **settings)


async def application(theatre: Theatre, url: str, version: str) -> None:
    await theatre.application(
        "web",
        sources=[
            {
                "repoURL": url,
                "chart": "web",
                "targetRevision": version,
                "helm": {"valueFiles": ["$envs/envs/eu/values.yaml"]},
            },
            {"repoURL": theatre.repo.url, "targetRevision": "main", "ref": "envs"},
        ],
    )


async def test_a_chart_of_a_repository_with_a_password_and_a_ca_takes_values_of_another_source_and_moves_with_its_range(
    theatre: Theatre, repository: ChartRepository, authority: Authority, tmp_path: Path
) -> None:
    await trusted(theatre, repository.url, authority)
    await begin(theatre, f"{repository.url}/")
    await application(theatre, repository.url, "^1")
    await shows(theatre, "eu", "web", version="1.0.0", colour="blue")
    status = await theatre.synced("web")
    assert status["revision"] == "1.0.0"

    theatre.repo.commit({"envs/eu/values.yaml": "colour: green\n"})
    await shows(theatre, "eu", "web", version="1.0.0", colour="green")

    package(tmp_path / "two", repository.folder, chart("1.1.0"))
    package(tmp_path / "three", repository.folder, chart("2.0.0"))
    index(repository.folder)
    await shows(theatre, "eu", "web", version="1.1.0", colour="green")

    repository.stop()
    await theatre.told("web", "RenderFailed", "127.0.0.1 could not be reached")
    theatre.repo.commit({"envs/eu/values.yaml": "colour: red\n"})
    await shows(theatre, "eu", "web", version="1.1.0", colour="red")
    await theatre.stop()
    await theatre.start()
    theatre.repo.commit({"envs/eu/values.yaml": "colour: black\n"})
    await shows(theatre, "eu", "web", version="1.1.0", colour="black")


async def test_a_repository_that_hangs_delays_those_alone_who_want_its_charts(
    theatre: Theatre, repository: ChartRepository, authority: Authority
) -> None:
    await trusted(theatre, repository.url, authority)
    await begin(theatre, f"{repository.url}/")
    repository.open.clear()
    try:
        for number in range(2 * TURNS):
            source = {"repoURL": repository.url, "chart": "web", "targetRevision": f"1.0.{number}"}
            await theatre.application(f"slow-{number}", sources=[source])

        async def waits() -> bool:
            return len(theatre.hub.queue.queue().held) == 2 * TURNS

        await until(waits, what="all of them wait for the repository")
        theatre.repo.commit({"app/map.yaml": config("plain", k="1")})
        await theatre.application("plain", source={"path": "app"})
        await shows(theatre, "eu", "plain", k="1")
        assert await waits()
        await theatre.stop()
    finally:
        repository.open.set()


async def test_a_chart_of_a_registry_is_found_by_range_and_by_tag(
    theatre: Theatre, registry: Registry, tmp_path: Path
) -> None:
    for version in ("0.9.0", "1.4.2", "2.0.0-rc.1"):
        registry.push(package(tmp_path / version, tmp_path / "out", chart(version)))
    await begin(theatre, f"http://{registry.host}/")
    await application(theatre, f"oci://{registry.host}/charts", ">=1")
    await shows(theatre, "eu", "web", version="1.4.2", colour="blue")
    await application(theatre, f"oci://{registry.host}/charts", "0.9.0")
    await shows(theatre, "eu", "web", version="0.9.0")
    registry.push(package(tmp_path / "1.5.0", tmp_path / "out", chart("1.5.0")))
    await application(theatre, f"oci://{registry.host}/charts", "1.x")
    await shows(theatre, "eu", "web", version="1.5.0")
    await application(theatre, f"oci://{registry.host}/charts", "^7")
    await theatre.told("web", "RenderFailed", "no version of web that fits ^7")
    assert (await data(theatre, "eu", "web"))["version"] == "1.5.0"


async def test_a_chart_that_is_not_there_yet_is_applied_when_it_is_and_asked_for_no_more_when_nobody_wants_it(
    theatre: Theatre, repository: ChartRepository, authority: Authority, tmp_path: Path
) -> None:
    await trusted(theatre, repository.url, authority)
    await begin(theatre, f"{repository.url}/")
    await application(theatre, repository.url, "^2")
    await theatre.told("web", "RenderFailed", "no version of web that fits ^2; it has 1.0.0")
    theatre.hub.clock.advance(90)
    await asyncio.sleep(2)  # several polls
    package(tmp_path / "two", repository.folder, chart("2.0.0"))
    index(repository.folder)
    await shows(theatre, "eu", "web", version="2.0.0", colour="blue")

    await application(theatre, repository.url, "2.0.0")
    charts = theatre.hub.charts
    assert charts.in_use is not None

    async def alone() -> bool:
        assert charts.in_use is not None
        return charts.in_use() == {RemoteChart(repository.url, "web", "2.0.0")}

    await until(alone, 20, what="the range is used no more")
    theatre.hub.clock.advance(90)

    async def quiet() -> bool:
        before = len(repository.asked)
        await asyncio.sleep(2)  # several polls
        return len(repository.asked) == before

    await until(quiet, 20, what="nobody asks for the range")


async def test_an_archive_that_is_not_what_the_index_says_is_refused_and_the_last_good_one_stays(
    theatre: Theatre, repository: ChartRepository, authority: Authority, tmp_path: Path
) -> None:
    await trusted(theatre, repository.url, authority)
    await begin(theatre, f"{repository.url}/")
    await application(theatre, repository.url, "^1")
    await shows(theatre, "eu", "web", version="1.0.0")
    made = package(tmp_path / "two", repository.folder, chart("1.2.0"))
    index(repository.folder)
    made.write_bytes(
        package(tmp_path / "evil", tmp_path / "out", chart("1.2.0", extra="tampered")).read_bytes()
    )
    await theatre.told("web", "RenderFailed", "1.2.0 has not the digest")
    assert (await data(theatre, "eu", "web"))["version"] == "1.0.0"


async def test_a_credential_follows_no_redirect_to_another_host(
    theatre: Theatre, repository: ChartRepository, authority: Authority, tmp_path: Path
) -> None:
    other = ChartRepository(tmp_path / "other", authority)
    other.start()
    try:
        repository.redirects["/index.yaml"] = f"{other.url}/index.yaml"
        await trusted(theatre, repository.url, authority)
        roots = str(authority.files.certificate)
        await begin(theatre, f"{repository.url}/", f"{other.url}/", ca_file=roots)
        await application(theatre, repository.url, "^1")

        async def asked() -> bool:
            return bool(other.asked)

        await until(asked, 20, what="the redirect is followed")
        assert all(not given for _, given in other.asked)
        await theatre.told("web", "RenderFailed", "127.0.0.1")
    finally:
        other.stop()


async def test_a_registry_at_an_address_that_nobody_allows_is_not_opened(
    theatre: Theatre, repository: ChartRepository, authority: Authority
) -> None:
    await trusted(theatre, repository.url, authority)
    await begin(theatre)
    await application(theatre, repository.url, "^1")
    await theatre.told("web", "RenderFailed", "--allow-git")
    assert repository.asked == []
