"""Charts of a real chart repository: how often it is asked, where credentials go, and what is refused."""

from __future__ import annotations

import asyncio
import gzip
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.local.authority import Authority
from fleet.charts.archive import ArchiveRefused
from fleet.charts.door import RegistryUnreachable
from fleet.charts.oci import Tampered
from fleet.charts.versions import VersionNotFound
from fleet.errors import RepositoryRefused, SourceError
from fleet.outward import Outward
from fleet.render.ground import RemoteChart
from tests.integration.test_charts import chart
from tests.stage.api import until
from tests.stage.chartrepository import ChartRepository, index, package
from tests.stage.registry import AUTHORIZED, Front, Registry, Storage, serving
from tests.stage.shelf import INTERVAL, Shelf, secret, shelf


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "charts-ca")


@pytest.fixture
def repository(tmp_path: Path, authority: Authority) -> Iterator[ChartRepository]:
    made = ChartRepository(tmp_path / "charts", authority)
    fill(made, tmp_path, "1.0.0")
    made.start()
    yield made
    made.open.set()
    made.stop()


@pytest.fixture
def other(tmp_path: Path, authority: Authority) -> Iterator[ChartRepository]:
    """Another host, by its name."""
    made = ChartRepository(tmp_path / "other", authority)
    made.url = f"https://localhost:{made.port}"
    made.start()
    yield made
    made.open.set()
    made.stop()


def fill(repository: ChartRepository, tmp_path: Path, *versions: str, name: str = "web") -> None:
    for version in versions:
        files = chart(version)
        files["Chart.yaml"] = files["Chart.yaml"].replace("name: web", f"name: {name}")
        package(tmp_path / "made" / name / version, repository.folder, files)
    index(repository.folder)
    # As if it had been written a while ago: who asks by the time gets nothing by it within the same seconds.
    earlier = time.time() - 600 + len(list(repository.folder.iterdir()))
    os.utime(repository.folder / "index.yaml", (earlier, earlier))


def rewrite(repository: ChartRepository, pattern: str, new: str) -> None:
    """Change the index, as somebody could who has the server."""
    path = repository.folder / "index.yaml"
    changed, count = re.subn(pattern, new, path.read_text())
    assert count
    path.write_text(changed)


def web(repository: ChartRepository, version: str = "^1", name: str = "web") -> RemoteChart:
    return RemoteChart(repository.url, name, version)


def everything(authority: Authority) -> Outward:
    return Outward(roots=authority.files.certificate.read_bytes())


async def passes(shelf_: Shelf, seconds: float) -> None:
    """Time, and what is done in it."""
    shelf_.clock.advance(seconds)
    await asyncio.sleep(0.3)


async def test_an_index_is_read_once_for_all_its_charts_and_again_only_when_it_changed(
    tmp_path: Path, repository: ChartRepository, authority: Authority
) -> None:
    fill(repository, tmp_path, "1.0.0", name="db")
    given = secret(repository.url, authority)
    async with shelf(tmp_path / "kept", given, allow=(f"{repository.url}/",)) as shelf_:
        wanted = [web(repository), web(repository, "1.x"), web(repository, name="db")]
        assert await asyncio.gather(*(shelf_.version(one) for one in wanted)) == ["1.0.0"] * 3
        assert [path for path, _ in repository.asked].count("/index.yaml") == 1
        repository.asked.clear()
        await passes(shelf_, INTERVAL * 2)
        assert {path for path, _ in repository.asked} == {"/index.yaml"}
        assert repository.unchanged == len(repository.asked)

        fill(repository, tmp_path, "1.1.0")
        await passes(shelf_, INTERVAL * 2)
        assert [await shelf_.version(one) for one in wanted] == ["1.1.0", "1.1.0", "1.0.0"]
        assert set(shelf_.told) == set(wanted[:2])


async def test_an_exact_version_that_is_here_is_asked_for_never_again(
    tmp_path: Path, repository: ChartRepository, authority: Authority
) -> None:
    given = secret(repository.url, authority)
    for _ in range(2):
        async with shelf(tmp_path / "kept", given, allow=(f"{repository.url}/",)) as shelf_:
            assert await shelf_.version(web(repository, "1.0.0")) == "1.0.0"
            asked = len(repository.asked)
            await passes(shelf_, INTERVAL * 10)
            assert await shelf_.version(web(repository, "1.0.0")) == "1.0.0"
            assert len(repository.asked) == asked == 2


async def test_what_nobody_uses_is_asked_for_no_more(
    tmp_path: Path, repository: ChartRepository, authority: Authority
) -> None:
    given = secret(repository.url, authority)
    async with shelf(tmp_path / "kept", given, allow=(f"{repository.url}/",)) as shelf_:
        used = {web(repository), web(repository, "^9")}
        shelf_.charts.in_use = lambda: frozenset(used)
        await shelf_.version(web(repository))
        with pytest.raises(VersionNotFound):
            await shelf_.version(web(repository, "^9"))
        await passes(shelf_, INTERVAL * 2)
        before = len(repository.asked)
        assert before > 2
        used.clear()
        await passes(shelf_, INTERVAL * 2)
        await passes(shelf_, INTERVAL * 2)
        assert len(repository.asked) == before
        assert shelf_.charts.error(web(repository, "^9")) is None


async def test_one_that_hangs_holds_up_no_other_and_one_that_is_down_has_no_other_asked_more(
    tmp_path: Path, repository: ChartRepository, other: ChartRepository, authority: Authority
) -> None:
    fill(other, tmp_path, "1.0.0")
    given = (secret(repository.url, authority), secret(other.url, authority))
    allow = (f"{repository.url}/", f"{other.url}/")
    async with shelf(tmp_path / "kept", *given, allow=allow) as shelf_:
        assert await shelf_.version(web(repository)) == await shelf_.version(web(other)) == "1.0.0"
        for wanted in ("1", "1.x", "1.0.x", "~1", ">=1", ">0", "<2", "<=1", "*"):
            assert await shelf_.version(web(other, wanted)) == "1.0.0"
        other.open.clear()
        fill(repository, tmp_path, "1.1.0")
        await passes(shelf_, INTERVAL * 2)
        assert await shelf_.version(web(repository)) == "1.1.0"
        fill(repository, tmp_path, "1.2.0")
        await passes(shelf_, INTERVAL * 2)
        assert await shelf_.version(web(repository)) == "1.2.0"
        other.open.set()
        await passes(shelf_, 0)

        other.stop()
        await passes(shelf_, INTERVAL * 2)
        assert str(shelf_.charts.error(web(other))) == "localhost could not be reached"
        before, opened = len(repository.asked), shelf_.opened
        for _ in range(6):
            await passes(shelf_, 5)
        assert len(repository.asked) == before
        assert shelf_.opened > opened
        assert await shelf_.version(web(other)) == "1.0.0"


async def test_a_new_secret_opens_at_once_what_was_closed(
    tmp_path: Path, repository: ChartRepository, authority: Authority
) -> None:
    out = everything(authority)
    async with shelf(tmp_path / "kept", allow=(f"{repository.url}/",), out=out) as shelf_:
        with pytest.raises(RegistryUnreachable, match="answers 401: a repository Secret must name it"):
            await shelf_.version(web(repository))
        shelf_.told.clear()
        shelf_.secrets.append(secret(repository.url, authority))
        shelf_.charts.nudge()

        async def moved() -> bool:
            return shelf_.told == [web(repository)]

        await until(moved, 10, what="it is asked again")
        assert shelf_.charts.error(web(repository)) is None


@pytest.mark.parametrize("everywhere", [False, True])
async def test_a_password_goes_to_archives_of_the_same_host_and_elsewhere_only_if_it_may(
    tmp_path: Path,
    repository: ChartRepository,
    other: ChartRepository,
    authority: Authority,
    everywhere: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    shutil.copy(repository.folder / "web-1.0.0.tgz", other.folder)
    (repository.folder / "index").mkdir()
    (repository.folder / "index.yaml").rename(repository.folder / "index/index.yaml")
    rewritten = repository.folder / "index/index.yaml"
    text = rewritten.read_text().replace("- web-1.0.0.tgz", f"- {repository.url}/web-1.0.0.tgz")
    rewritten.write_text(text)
    own = RemoteChart(f"{repository.url}/index", "web", "^1")
    given = secret(own.url, authority)
    allow = (f"{repository.url}/", f"{other.url}/")
    async with shelf(tmp_path / "one", given, allow=allow, out=everything(authority)) as shelf_:
        assert await shelf_.version(own) == "1.0.0"

    rewritten.write_text(text.replace(repository.url, other.url))
    async with shelf(tmp_path / "two", given, allow=allow, out=everything(authority)) as shelf_:
        if everywhere:
            assert await shelf_.version(own, everywhere=True) == "1.0.0"
        else:
            with pytest.raises(RegistryUnreachable, match=r"the archive of web 1\.0\.0 .* answers 401"):
                await shelf_.version(own)
    assert {sent for _, sent in other.asked} == {AUTHORIZED if everywhere else ""}


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("https://10.1.2.3/web.tgz", "private address 10.1.2.3"),
        ("https://169.254.169.254/latest/web.tgz", "needs --allow-git"),
        ("https://localhost:1/web.tgz", "needs --allow-git"),
        ("https://[::ffff:127.0.0.1]/web.tgz", "needs --allow-git"),
        ("http://example.com/web.tgz", "http needs --allow-git"),
        ("oci://169.254.169.254/web:1", "needs --allow-git"),
        ("file:///etc/passwd", "cannot be used"),
        ("https://user:word@127.0.0.1/web.tgz", "cannot be used"),
        ("https://[/web.tgz", "cannot be used"),
    ],
)
async def test_an_index_sends_nobody_to_an_address_that_is_not_opened(
    tmp_path: Path, repository: ChartRepository, authority: Authority, place: str, words: str
) -> None:
    rewrite(repository, "- web-1.0.0.tgz", f'- "{place}"')
    given = secret(repository.url, authority)
    async with shelf(tmp_path / "kept", given, allow=(f"{repository.url}/",)) as shelf_:
        for everywhere in (False, True):
            with pytest.raises(RepositoryRefused, match=re.escape(words)):
                await shelf_.version(web(repository), everywhere=everywhere)
    assert {path for path, _ in repository.asked} == {"/index.yaml"}


async def test_archives_of_an_index_may_lie_in_a_registry(
    tmp_path: Path, repository: ChartRepository, authority: Authority
) -> None:
    with serving(Registry(tmp_path / "registry", authority)) as registry:
        registry.push(repository.folder / "web-1.0.0.tgz")
        rewrite(repository, "- web-1.0.0.tgz", f"- oci://{registry.host}/charts/web:1.0.0")
        given = secret(repository.url, authority)
        allow = (f"{repository.url}/", f"https://{registry.host}/")
        async with shelf(tmp_path / "kept", given, allow=allow, out=everything(authority)) as shelf_:
            version, files = await shelf_.files(web(repository))
            assert version == "1.0.0"
            assert b"version: 1.0.0" in files["Chart.yaml"]

        rewrite(repository, "digest: .*", f"digest: {'0' * 64}")
        async with shelf(tmp_path / "none", given, allow=allow, out=everything(authority)) as shelf_:
            with pytest.raises(Tampered):
                await shelf_.version(web(repository))


async def test_a_password_that_may_go_to_a_registry_follows_no_blob_from_there(
    tmp_path: Path, repository: ChartRepository, authority: Authority
) -> None:
    with (
        serving(Registry(tmp_path / "registry", authority, password=True)) as registry,
        Storage("storage", authority, registry) as storage,
        Front("front", authority, registry, storage.url) as front,
    ):
        registry.push(repository.folder / "web-1.0.0.tgz")
        rewrite(repository, "- web-1.0.0.tgz", f"- oci://localhost:{front.port}/charts/web:1.0.0")
        given = secret(repository.url, authority)
        allow = (f"{repository.url}/", f"{front.url}/", f"{storage.url}/")
        async with shelf(tmp_path / "kept", given, allow=allow, out=everything(authority)) as shelf_:
            with pytest.raises(RegistryUnreachable, match="answers 401"):
                await shelf_.version(web(repository))
            assert {sent for _, sent in front.asked} == {""}
            assert await shelf_.version(web(repository), everywhere=True) == "1.0.0"
        assert [sent for _, sent in storage.asked] == [""]


@pytest.mark.parametrize("digest", ["0" * 64, "a" * 64, "../../precious", "md5:abc", "sha512:" + "0" * 128])
async def test_what_has_not_the_digest_of_the_index_is_refused(
    tmp_path: Path, repository: ChartRepository, authority: Authority, digest: str
) -> None:
    (tmp_path / "precious.tgz").write_bytes(b"somebody else's")
    rewrite(repository, "digest: .*", f"digest: {digest}")
    given = secret(repository.url, authority)
    async with shelf(tmp_path / "data/kept", given, allow=(f"{repository.url}/",)) as shelf_:
        with pytest.raises(Tampered, match=r"the archive of web 1\.0\.0 has not the digest"):
            await shelf_.version(web(repository))
    assert (tmp_path / "precious.tgz").exists()
    assert not list((tmp_path / "data/kept").glob("*.tgz"))


@pytest.mark.parametrize("how", ["none", "upper case", "with its kind"])
async def test_digests_are_read_as_indexes_have_them(
    tmp_path: Path, repository: ChartRepository, authority: Authority, how: str
) -> None:
    text = (repository.folder / "index.yaml").read_text()
    found = re.search("digest: (.*)", text)
    assert found is not None
    new = {
        "none": "",
        "upper case": f"digest: {found[1].upper()}",
        "with its kind": f"digest: sha256:{found[1]}",
    }
    rewrite(repository, "digest: .*", new[how])
    given = secret(repository.url, authority)
    async with shelf(tmp_path / "kept", given, allow=(f"{repository.url}/",)) as shelf_:
        assert await shelf_.version(web(repository)) == "1.0.0"
        await passes(shelf_, INTERVAL * 2)
        assert [path for path, _ in repository.asked].count("/web-1.0.0.tgz") == 1


async def test_a_server_that_calls_archives_encoded_gives_the_same_ones(
    tmp_path: Path, repository: ChartRepository, authority: Authority
) -> None:
    repository.encoded = True
    given = secret(repository.url, authority)
    async with shelf(tmp_path / "kept", given, allow=(f"{repository.url}/",)) as shelf_:
        assert await shelf_.version(web(repository)) == "1.0.0"


async def test_a_hostile_archive_is_refused_and_not_kept(
    tmp_path: Path, repository: ChartRepository, authority: Authority
) -> None:
    (repository.folder / "web-1.0.0.tgz").write_bytes(gzip.compress(b"\0" * (65 << 20)))
    rewrite(repository, "digest: .*", "")
    given = secret(repository.url, authority)
    async with shelf(tmp_path / "kept", given, allow=(f"{repository.url}/",)) as shelf_:
        with pytest.raises(ArchiveRefused, match="the archive of chart web holds more than 64 MiB"):
            await shelf_.version(web(repository))
    assert not list((tmp_path / "kept").glob("*.tgz"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<html>Sign in</html>", "is no index of charts|index.yaml"),
        ("entries: {web: [", "index.yaml, document 1, line"),
        ("entries: 7", "is no index of charts"),
        ("entries: {web: 7, db: []}", "has no chart web"),
        ("entries: {web: [{version: 1.0.0}, 7, {urls: [x]}]}", "has no version of web"),
        ("a: &a [1,1,1,1]\nb: &b [*a,*a,*a,*a]\n" + "".join(
            f"c{n}: &c{n} [{','.join([f'*c{n - 1}' if n else '*b'] * 9)}]\n" for n in range(9)
        ), "more values than are allowed"),
    ],
)  # fmt: skip
async def test_what_is_no_index_is_said_to_be_none(
    tmp_path: Path, repository: ChartRepository, authority: Authority, content: str, words: str
) -> None:
    (repository.folder / "index.yaml").write_text(content)
    given = secret(repository.url, authority)
    async with shelf(tmp_path / "kept", given, allow=(f"{repository.url}/",)) as shelf_:
        with pytest.raises(SourceError, match=words) as error:
            await shelf_.version(web(repository))
    assert repository.url in str(error.value)
