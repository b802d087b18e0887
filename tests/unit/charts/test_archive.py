"""Archives of charts, good and hostile."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from fleet.charts import archive
from fleet.charts.archive import ArchiveRefused, ArchiveTree
from fleet.charts.store import Meaning, Store
from fleet.errors import PathNotFound
from fleet.render.ground import RemoteChart


def packed(files: dict[str, bytes], *, special: tarfile.TarInfo | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        if special is not None:
            tar.addfile(special)
    return out.getvalue()


GOOD = {
    "web/Chart.yaml": b"name: web\n",
    "web/templates/a.yaml": b"a: b\n",
    "web/charts/x/Chart.yaml": b"name: x\n",
}


def tree(files: dict[str, bytes]) -> ArchiveTree:
    return ArchiveTree("https://charts.example", "web-1.0.0", archive.read(packed(files), "web"))


def test_a_chart_is_read_as_a_tree_whose_names_are_its_content() -> None:
    one, other = tree(GOOD), tree({**GOOD, "web/templates/a.yaml": b"a: c\n"})
    assert [entry.name for entry in one.list("")] == ["web"]
    assert {entry.name: entry.is_directory for entry in one.list("web")} == {
        "Chart.yaml": False,
        "charts": True,
        "templates": True,
    }
    assert one.read("web/./templates/a.yaml") == b"a: b\n"
    assert one.entry("web/none") is None
    top, same, changed = one.entry("web"), tree(GOOD).entry("web"), other.entry("web")
    assert top is not None
    assert same is not None
    assert changed is not None
    assert top.oid == same.oid != changed.oid
    assert {read.path for read in one.reads} == {"web-1.0.0/web/none", "web-1.0.0/web"}
    with pytest.raises(PathNotFound):
        one.read("web/none")


def link(kind: bytes, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo("web/link")
    info.type = kind
    info.linkname = target
    return info


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (packed({"../x": b""}), "outside itself"),
        (packed({"/etc/passwd": b""}), "outside itself"),
        (packed({"web/../../x": b""}), "outside itself"),
        (packed({"web/a": b"", "other/b": b""}), "one folder"),
        (packed({"a": b""}), "one folder"),
        (packed({}), "one folder"),
        (packed(GOOD, special=link(tarfile.SYMTYPE, "/etc/passwd")), "a link or a device"),
        (packed(GOOD, special=link(tarfile.LNKTYPE, "web/Chart.yaml")), "a link or a device"),
        (packed(GOOD, special=link(tarfile.CHRTYPE, "")), "a link or a device"),
        (b"no archive", "no gzip"),
        (gzip.compress(b"no tar"), "does not read"),
        (gzip.compress(b"\0" * (archive.MOST_BYTES + 1)), "more than 64 MiB"),
        (packed({f"web/{number}": b"" for number in range(archive.MOST_FILES + 1)}), "more than 10000 files"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # packed archives hold their time: no names
)
def test_a_hostile_archive_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(ArchiveRefused, match=words):
        archive.read(data, "web")


CHART = RemoteChart("https://charts.example", "web", "^1")


def test_archives_and_meanings_outlive_a_restart_and_are_bounded(tmp_path) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    store = Store(tmp_path / "charts", max_bytes=2500)
    first = store.put(b"a" * 1000)
    store.mean(CHART, Meaning("1.0.0", first))
    later = Store(tmp_path / "charts", max_bytes=2500)
    assert later.meaning(CHART) == Meaning("1.0.0", first)
    assert later.get(first) == b"a" * 1000
    later.put(b"b" * 1000)
    later.put(b"c" * 1000)
    assert sum(path.stat().st_size for path in (tmp_path / "charts").glob("*.tgz")) <= 2500
    assert (tmp_path / "charts").stat().st_mode & 0o077 == 0


def test_what_was_changed_on_disk_is_not_believed(tmp_path) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    store = Store(tmp_path)
    digest = store.put(b"content")
    (tmp_path / f"{digest}.tgz").write_bytes(b"other")
    assert store.get(digest) is None
    assert not (tmp_path / f"{digest}.tgz").exists()
