"""Archives of charts, good and hostile."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

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


NOISE = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(300))


def link(kind: bytes, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo("web/link")
    info.type = kind
    info.linkname = target
    return info


def holes(size: int) -> bytes:
    """A file of nothing, in the old form of GNU tar: its size stands in the header, its content nowhere."""
    info = tarfile.TarInfo("web/holes")
    info.type = tarfile.GNUTYPE_SPARSE
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[386:410] = b"%011o\0" % 0 * 2
    block[483:495] = b"%011o\0" % size
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + 8 * 0x20 + sum(block[156:]))
    return gzip.compress(bytes(block) + b"\0" * 1024)


def halves(files: dict[str, bytes]) -> bytes:
    """The same archive as two streams of gzip, one after the other."""
    plain = gzip.decompress(packed(files))
    return gzip.compress(plain[:700]) + gzip.compress(plain[700:])


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
        (holes(8 << 30), "a file with holes"),
        (packed({"web/" + "a/" * 40 + "f": b""}), "longer than 1024 characters or 32 folders"),
        (packed({"web/" + "a" * 256: b""}), "a name that no file can have"),
        (packed({"web/a\nb": b""}), "a name that no file can have"),
        (packed({"web/\udcff": b""}), "a name that no file can have"),
        (packed({"web/a": b"", "web/a/b": b""}), "web/a both as a file and as a folder"),
        (packed({**GOOD, "web/x": NOISE})[:-4000], "ends too early"),
        (b"no archive", "no gzip"),
        (gzip.compress(b"no tar"), "does not read"),
        (gzip.compress(b"\0" * (archive.MOST_BYTES + 1)), "more than 64 MiB"),
        (packed({f"web/{number}": b"" for number in range(archive.MOST_FILES + 1)}), "more than 10000 files"),
    ],
    ids=lambda given: given if isinstance(given, str) else "archive",  # its bytes hold the time
)
def test_a_hostile_archive_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(ArchiveRefused, match=words):
        archive.read(data, "web")


def test_an_archive_of_two_streams_is_read_whole() -> None:
    assert dict(archive.read(halves(GOOD), "web").files) == GOOD


CHART = RemoteChart("https://charts.example", "web", "^1")


def test_archives_and_meanings_outlive_a_restart_and_are_bounded(tmp_path: Path) -> None:
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


def test_what_was_changed_on_disk_is_not_believed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = store.put(b"content")
    (tmp_path / f"{digest}.tgz").write_bytes(b"other")
    assert store.get(digest) is None
    assert not (tmp_path / f"{digest}.tgz").exists()


@pytest.mark.parametrize("digest", ["../backup", "", "a" * 63, "A" * 64, "x\0", "../" * 2000])
def test_what_is_no_digest_names_no_file(tmp_path: Path, digest: str) -> None:
    kept = tmp_path / "backup.tgz"
    kept.write_bytes(b"somebody else's")
    assert Store(tmp_path / "charts").get(digest) is None
    assert kept.exists()


@pytest.mark.parametrize(
    "content", [b"no json", b"[1]", b'{"a": ["1.0.0"]}', b'{"a": [1, 2]}', b'{"a": null}']
)
def test_meanings_that_do_not_read_are_asked_for_again(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "meanings.json").write_bytes(content)
    assert Store(tmp_path).meaning(CHART) is None
