"""Models as one file: whole there and back, and from a stranger at worst refused."""

from __future__ import annotations

import io
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from models.tiny import tiny_bundle
from small_dataset_audio import presets
from small_dataset_audio.errors import (
    InvalidConfigError,
    InvalidNameError,
    ModelDamagedError,
    ModelError,
    ModelNotFoundError,
    OutputError,
    SdaError,
)
from small_dataset_audio.library import Library, export_model, import_model, set_licence
from small_dataset_audio.models.bundle import load_bundle, save_bundle
from small_dataset_audio.models.metadata import read_metadata
from tiny import hashes_below


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with its recordings and two presets, in a file. Read only, please."""
    root = tmp_path_factory.mktemp("exported")
    library = Library(root / "home")
    folder = library.folder_of("rain")
    save_bundle(folder, tiny_bundle())
    presets.save_preset(folder, "slow drift", {"duration_s": 3.0})
    presets.save_preset(folder, "Wälder 🌲", {"novelty": "high"})
    set_licence("rain", "CC BY 4.0", library)
    return export_model("rain", root / "rain", library)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "home")


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path: Path, members: dict[str, bytes], **options: int) -> Path:
    with zipfile.ZipFile(path, "w", **options) as archive:  # type: ignore[arg-type]
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return path


def refused(path: Path, library: Library, error: type[SdaError] = ModelDamagedError) -> str:
    """The message; and proof that nothing was written, in the library or beside it."""
    surroundings = library.root.parent
    before = hashes_below(surroundings)
    with pytest.raises(error) as caught:
        import_model(path, library)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 800
    shutil.rmtree(library.root, ignore_errors=True)  # an empty folder at most
    assert hashes_below(surroundings) == before
    return message


# --- there and back ---


def test_a_model_comes_back_with_recordings_presets_name_and_licence(exported: Path, library: Library):
    folder = import_model(exported, library)
    assert folder == library.folder_of("rain")
    metadata = read_metadata(folder)
    assert (metadata.name, metadata.corpus.licence) == ("rain", "CC BY 4.0")
    loaded, original = load_bundle(folder), tiny_bundle()
    assert len(loaded.clips) == len(original.clips)
    assert [entry.name for entry in presets.list_presets(folder)] == ["slow drift", "Wälder 🌲"]
    assert presets.read_preset(folder, "Wälder 🌲").settings == {"novelty": "high"}
    again = export_model("rain", exported.parent / "again.sda", library, overwrite=True)
    assert again.read_bytes() == exported.read_bytes()


def test_a_model_is_imported_under_another_name_and_never_over_one(exported: Path, library: Library):
    import_model(exported, library)
    before = hashes_below(library.root)
    with pytest.raises(ModelError, match="a model 'rain' exists already; import it under another --name"):
        import_model(exported, library)
    assert hashes_below(library.root) == before
    folder = import_model(exported, library, name="Wälder: 2")
    assert read_metadata(folder).name == "Wälder: 2"
    for name, error in (("../x", InvalidNameError), ("", InvalidNameError), ("a\nb", InvalidConfigError)):
        with pytest.raises((error, InvalidNameError)):
            import_model(exported, library, name=name)


def test_a_file_is_not_overwritten_and_gets_its_suffix(exported: Path, library: Library, tmp_path: Path):
    import_model(exported, library)
    path = export_model("rain", tmp_path / "deep" / "x.zip", library)
    assert path == tmp_path / "deep" / "x.zip.sda"
    with pytest.raises(OutputError, match="exists already"):
        export_model("rain", path, library)
    with pytest.raises(ModelNotFoundError):
        export_model("drone", tmp_path / "y", library)
    assert not (tmp_path / "y.sda").exists()


def test_a_link_among_the_presets_is_not_followed_out(exported: Path, library: Library, tmp_path: Path):
    folder = import_model(exported, library)
    (tmp_path / "secret").write_text("mine")
    (folder / "presets" / "secret.json").symlink_to(tmp_path / "secret")
    assert "presets/secret.json" not in contents(export_model("rain", tmp_path / "x", library))


# --- from a stranger ---

NAMES = [
    *("../x.json", "../../home/x", "/etc/passwd", "presets/../../x.json", "presets/../x.json", "..\\x.json"),
    *(
        "C:\\x",
        "C:x.json",
        "presets/a/b.json",
        "presets\\a.json",
        "presets/.json",
        "presets/..json",
        "presets/",
        "presets",
    ),
    *(
        "presets/CON.json",
        "presets/a .json",
        "presets/a..json",
        "presets/x.txt",
        "presets/a\0.json",
        "x",
        "",
        ".",
        "..",
        "./about.json",
    ),
    *(
        "about.json/",
        "model.safetensors/x",
        "corpus-0123.flac",
        "checkpoint.safetensors",
        "training.lock",
        "evaluation.json",
    ),
    *("presets/" + "x" * 300 + ".json", "presets/\u202e.json", "About.json", "MODEL.SAFETENSORS", "//about.json"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_member_that_is_no_part_of_a_model_is_refused_whatever_its_name(
    exported: Path, library: Library, tmp_path: Path, name: str
):
    path = write(tmp_path / "x.sda", {**contents(exported), name: b"{}"})
    refused(path, library)


def change(path: Path, exported: Path, how: Callable[[zipfile.ZipInfo], None], compression: int = 0) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents(exported).items():
            member = zipfile.ZipInfo(name)
            member.compress_type = compression
            how(member)
            archive.writestr(member, data)
    return path


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
@pytest.mark.parametrize("name", ["about.json", "model.safetensors", "presets/slow drift.json"])
def test_links_and_worse_are_refused(exported: Path, library: Library, tmp_path: Path, kind: int, name: str):
    def make_link(member: zipfile.ZipInfo) -> None:
        if member.filename == name:
            member.external_attr = (kind | 0o777) << 16

    assert "as a link or worse" in refused(change(tmp_path / "x.sda", exported, make_link), library)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_compressed_is_refused_before_it_is_unpacked(
    exported: Path, library: Library, tmp_path: Path, compression: int, monkeypatch: pytest.MonkeyPatch
):
    path = change(tmp_path / "x.sda", exported, lambda _: None, compression)
    bomb = tmp_path / "bomb.sda"
    with zipfile.ZipFile(bomb, "w", compression) as archive:
        archive.writestr("model.safetensors", bytes(20_000_000))
    assert bomb.stat().st_size < 100_000

    def unpack(*_: object, **__: object) -> None:
        raise AssertionError("it was unpacked")

    monkeypatch.setattr(zipfile.ZipFile, "open", unpack)
    for file in (path, bomb):
        assert "compressed, which no model is" in refused(file, library)


def test_members_that_share_their_bytes_are_refused(exported: Path, library: Library, tmp_path: Path):
    """The bomb without compression: a directory whose thousand entries all point to the same bytes."""
    members = {"model.safetensors": contents(exported)["model.safetensors"]}
    data = bytearray(write(tmp_path / "x.sda", members).read_bytes())
    (begin,) = struct.unpack_from("<L", data, len(data) - 6)
    entry, end = bytes(data[begin:-22]), bytes(data[-22:])
    entries = b""
    for number in range(1000):
        name = f"presets/{number:09}.json".encode()
        entries += entry[:28] + struct.pack("<H", len(name)) + entry[30:46] + name
    fields = struct.pack("<HHLL", 1001, 1001, len(entry) + len(entries), begin)
    path = tmp_path / "y.sda"
    path.write_bytes(bytes(data[:begin]) + entry + entries + end[:8] + fields + end[20:])
    assert zipfile.ZipFile(path).infolist()[-1].file_size == len(members["model.safetensors"])
    message = refused(path, library)
    assert "claims to hold more than" in message or "which may have" in message


def patched(exported: Path, path: Path, offset: int, value: bytes) -> Path:
    """Change a field of the directory's entry of the model, by its offset in that."""
    data = bytearray(exported.read_bytes())
    place = data.rindex(b"model.safetensors") - 46
    data[place + offset : place + offset + len(value)] = value
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (8, b"\x01\x00"),  # encrypted
        (10, b"\x63\x00"),  # a way of compressing that nobody knows
        (20, b"\xff\xff\xff\x7f"),  # packed size
        (24, b"\xff\xff\xff\x7f"),  # size
        (24, b"\x00\x00\x00\x00"),
        (42, b"\xff\xff\xff\x7f"),  # where it begins
        (42, b"\x05\x00\x00\x00"),
        (16, b"\x00\x00\x00\x00"),  # checksum
        (28, b"\xff\xff"),  # length of its name
        (30, b"\xff\xff"),  # length of what else it says
        (6, b"\xff\xff"),  # version that is needed
    ],
)
def test_a_directory_that_lies_is_refused(exported: Path, library: Library, tmp_path: Path, offset: int, value: bytes):
    refused(patched(exported, tmp_path / "x.sda", offset, value), library)


def test_two_members_of_one_name_are_refused(exported: Path, library: Library, tmp_path: Path):
    path = tmp_path / "x.sda"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents(exported).items():
            archive.writestr(zipfile.ZipInfo(name), data)
        archive.writestr(zipfile.ZipInfo("presets/SLOW drift.json"), b"{}")
    assert "two members of one name" in refused(path, library)


def test_ten_thousand_members_are_refused_by_their_number(exported: Path, library: Library, tmp_path: Path):
    members = {f"presets/{number}.json": b"" for number in range(1200)}
    assert "has 1205 members" in refused(write(tmp_path / "x.sda", {**contents(exported), **members}), library)


def test_a_directory_of_a_gigabyte_is_not_read(library: Library, tmp_path: Path, exported: Path):
    path = tmp_path / "x.sda"
    with path.open("wb") as file:
        file.seek(1 << 30)  # a hole: it takes no room on the disk
        end = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 1, 1, (1 << 30) - 1, 1, 0)
        file.write(end)
    assert "its directory claims" in refused(path, library)
    path.unlink()


def test_files_that_were_cut_off_are_refused(exported: Path, library: Library, tmp_path: Path):
    data = exported.read_bytes()
    path = tmp_path / "x.sda"
    for length in (0, 1, 21, 22, len(data) // 2, len(data) - 23, len(data) - 1):
        path.write_bytes(data[:length])
        refused(path, library)
        path.write_bytes(data[-length:] if length else b"")
        refused(path, library)


@pytest.mark.parametrize(
    ("member", "data"),
    [
        ("model.safetensors", b"\x80\x04\x95pickle"),
        ("model.safetensors", b""),
        ("about.json", b"no JSON"),
        ("about.json", b'{"version": 1, "name": "../../x"}'),
        ("about.json", b'{"version": 1, "name": "a\\nb"}'),
        ("about.json", b'{"version": 2}'),
        ("about.json", b'{"version": 1, "licence": "' + b"x" * 90_000 + b'"}'),
        ("about.json", b"[" * 50_000),
    ],
)
def test_a_model_that_is_none_is_refused_by_the_name_of_the_file(
    exported: Path, library: Library, tmp_path: Path, member: str, data: bytes
):
    path = write(tmp_path / "x.sda", {**contents(exported), member: data})
    message = refused(path, library, SdaError)
    if member == "model.safetensors":
        assert str(path) in message
        assert str(library.root) not in message


def test_recordings_of_another_model_are_refused(exported: Path, library: Library, tmp_path: Path):
    members = contents(exported)
    (audio,) = (name for name in members if name.endswith(".flac"))
    for data in (members[audio][:-1], members[audio] + b"x", b""):
        refused(write(tmp_path / "x.sda", {**members, audio: data}), library)
    del members[audio]
    refused(write(tmp_path / "x.sda", members), library)


def test_a_preset_of_a_stranger_is_listed_with_its_problem_and_stops_nothing(
    exported: Path, library: Library, tmp_path: Path
):
    hostile = b'{"version": 1, "name": "../../x", "settings": {"duration_s": 1e999}}'
    path = write(tmp_path / "x.sda", {**contents(exported), "presets/bad.json": hostile})
    folder = import_model(path, library)
    problems = {entry.name: entry.problem for entry in presets.list_presets(folder)}
    assert problems["bad"]
    assert problems["slow drift"] == ""
    too_large = {**contents(exported), "presets/large.json": b" " * 100_001}
    shutil.rmtree(library.root)
    assert "which may have 100000" in refused(write(tmp_path / "y.sda", too_large), library)


def test_a_disk_without_room_is_said_before_anything_is_unpacked(
    exported: Path, library: Library, monkeypatch: pytest.MonkeyPatch
):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))
    assert "has no room for this model" in refused(exported, library, OutputError)


def test_what_is_no_file_is_said_so(library: Library, tmp_path: Path):
    for path in (tmp_path / "nowhere.sda", tmp_path):
        assert f"{path} is no file" in refused(path, library, ModelNotFoundError)
    buffer = io.BytesIO()
    zipfile.ZipFile(buffer, "w").close()
    (tmp_path / "empty.sda").write_bytes(buffer.getvalue())
    assert "holds no model.safetensors" in refused(tmp_path / "empty.sda", library)
