"""Spoils presets, what owners say of models, archives and histories, and sees that they are refused or read, and nothing else.

    python tests/faults/fuzz_library.py --seconds 600 --seed 1 [--keep FOLDER]

By the rules of ``fuzz_models.py``, and besides: an archive that is refused leaves nothing, one that is taken leaves one model
that loads, and neither writes outside the library; a damaged history is set aside, and the next take is recorded.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import stat
import sys
import tempfile
import unicodedata
import warnings
import zipfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults.fuzz_models import Case, main
from faults.mutations import TEXTS, mutate_bytes, mutate_json, mutate_text, mutate_weights
from history.examples import TAKE
from models.tiny import tiny_bundle
from small_dataset_audio import presets
from small_dataset_audio.errors import HistoryError
from small_dataset_audio.history import HISTORY_FILE, History, HistoryQuery
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.library import Library, export_model, import_model, model_card, set_licence
from small_dataset_audio.library.evaluation_file import EVALUATION_FILE, keep_evaluation
from small_dataset_audio.models.about import ABOUT_FILE, read_about
from small_dataset_audio.models.bundle import load_bundle, save_bundle
from small_dataset_audio.presets import PRESET_FOLDER

KINDS: Final = ("preset", "about", "evaluation", "archive", "archive", "history")
_NAMES: Final = (
    *TEXTS,
    "about.json",
    "model.safetensors",
    "presets/x.json",
    "presets/../x.json",
    "../x",
    "/x",
    "presets/",
)


class LibraryWorkspace:
    """A library with one model that has everything, and a second one to import into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.library, self.other = Library(folder / "home"), Library(folder / "other")
        self.model = self.library.folder_of("tiny")
        save_bundle(self.model, tiny_bundle())
        settings = {"duration_s": 3.0, "seed": 5, "novelty": "high", "loop": True}
        preset = presets.save_preset(self.model, "slow drift", settings).path
        set_licence("tiny", "CC BY 4.0", self.library)
        stages = [{"name": "generated", "similarity_percent": 93.0, "coverage": 0.5, "copied_share": 0.1}]
        keep_evaluation(self.model, "0" * 64, {"stages": stages})
        self.history = History(self.library.root)
        for _ in range(30):
            self.history.add(TAKE)
        archive = export_model("tiny", folder / "tiny", self.library)
        self.files: dict[str, list[bytes]] = {
            "preset": [preset.read_bytes()],
            "about": [(self.model / ABOUT_FILE).read_bytes()],
            "evaluation": [(self.model / EVALUATION_FILE).read_bytes()],
            "archive": [archive.read_bytes()],
            "history": [self.history.path.read_bytes()],
        }
        self._archive = archive

    def reset(self) -> None:
        """Nothing needs it: each case replaces the file of the one before."""

    def read(self, case: Case) -> None:
        """Give a case to everything that reads such a file."""
        readers: dict[str, Callable[[bytes], None]] = {
            "preset": self._read_preset,
            "about": self._read_about,
            "evaluation": self._read_evaluation,
            "archive": self._read_archive,
            "history": self._read_history,
        }
        readers[case.kind](case.data)

    def _read_preset(self, data: bytes) -> None:
        path = self.model / PRESET_FOLDER / "slow drift.json"
        path.write_bytes(data)
        (entry,) = presets.list_presets(self.model)
        preset = presets.read_preset_file(path)
        assert not entry.problem, entry.problem
        json.dumps(dict(preset.settings), allow_nan=False)
        presets.apply_settings(GenerationConfig(), preset.settings).validate()

    def _read_about(self, data: bytes) -> None:
        (self.model / ABOUT_FILE).write_bytes(data)
        (entry,) = self.library.entries()
        about = read_about(self.model)
        assert not entry.problem, entry.problem
        assert not any(unicodedata.category(letter) == "Cc" for letter in (about.name or "") + (about.licence or ""))

    def _read_evaluation(self, data: bytes) -> None:
        (self.model / ABOUT_FILE).unlink(missing_ok=True)
        (self.model / EVALUATION_FILE).write_bytes(data)
        card = model_card("tiny", self.library)
        json.dumps([dict(section.rows) for section in card.sections])

    def _read_archive(self, data: bytes) -> None:
        self._archive.write_bytes(data)
        try:
            made = import_model(self._archive, self.other)
            assert load_bundle(made).metadata.name
            assert self.other.models_folder in made.parents
            presets.list_presets(made)
            model_card(str(made), self.other)
            shutil.rmtree(made)
        finally:
            left = list(self.other.root.rglob("*"))
            shutil.rmtree(self.other.root, ignore_errors=True)
            assert set(left) <= {self.other.models_folder}, left
            assert {path.name for path in self.folder.iterdir()} == {"home", "tiny.sda"}

    def _read_history(self, data: bytes) -> None:
        for path in self.library.root.glob(f"{HISTORY_FILE}*"):
            path.unlink()
        self.history.path.write_bytes(data)
        try:
            _use_history(self.history)
        except HistoryError:
            is_newer, is_sound = _state_of(data)
            # What is both of a newer release and damaged may be set aside too, whichever is seen first.
            if is_newer and (is_sound or self.history.path.exists()):
                assert self.history.path.read_bytes() == data
            else:
                # Damage is found page by page: each time the file is set aside, and then a new one begins.
                with suppress(HistoryError):
                    _use_history(self.history)
                _use_history(self.history)
                kept = list(self.library.root.glob(f"{HISTORY_FILE}.damaged-*Z"))
                assert kept, "it was not kept"
            raise


def _use_history(history: History) -> None:
    records = history.search()
    history.count(HistoryQuery(text="rain"))
    made = history.add(TAKE)
    assert history.note(made.id, "fade").note == "fade"
    for record in records[:3]:
        json.dumps(dict(record.settings))
        assert 0 <= record.stars <= 5


def _state_of(data: bytes) -> tuple[bool, bool]:
    """Whether a history is of a release to come, and whether it is ours and whole, as far as SQLite says."""
    is_newer = is_sound = False
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        # A message of SQLite that quotes what is damaged may be no text.
        with closing(sqlite3.connect(file.name)) as connection, suppress(sqlite3.DatabaseError, UnicodeDecodeError):
            is_newer = int(connection.execute("PRAGMA user_version").fetchone()[0]) > 2
            is_ours = connection.execute("PRAGMA application_id").fetchone()[0] == 0x73646168
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            is_sound = (
                is_ours and "takes" in tables and connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
            )
    return is_newer, is_sound


def make_case(files: dict[str, list[bytes]], rng: random.Random) -> Case:
    """Spoil one of the sound files."""
    kind = rng.choice(KINDS)
    data = rng.choice(files[kind])
    if kind == "archive":
        return Case(kind, _spoilt_archive(data, rng))
    if kind == "history":
        return Case(kind, mutate_bytes(data, rng))
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: json.dumps(mutate_json(json.loads(data), rng)).encode(),
        lambda: mutate_text(data.decode(), rng),
        lambda: mutate_bytes(data, rng),
    )
    return Case(kind, rng.choice(ways)())


def _spoilt_archive(data: bytes, rng: random.Random) -> bytes:
    """An archive whose bytes, directory, members, names or kinds of members are spoilt."""
    layer = rng.randrange(5)
    if layer == 0:
        return mutate_bytes(data, rng)
    if layer == 1:
        begin = data.index(b"PK\x01\x02")
        return data[:begin] + mutate_bytes(data[begin:], rng)
    with tempfile.TemporaryFile() as packed:
        packed.write(data)
        with zipfile.ZipFile(packed) as archive:
            members = [(member, archive.read(member)) for member in archive.infolist()]
    chosen = rng.randrange(len(members))
    with tempfile.TemporaryFile() as packed:
        # Two members of one name are among the cases, and Python warns of them.
        with zipfile.ZipFile(packed, "w") as archive, warnings.catch_warnings(action="ignore"):
            for number, (member, content) in enumerate(members):
                _write(archive, member, content, rng, layer if number == chosen else 0)
        packed.seek(0)
        return packed.read()


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, content: bytes, rng: random.Random, layer: int) -> None:
    written: Any = zipfile.ZipInfo(member.filename)
    written.external_attr = member.external_attr
    if layer == 2:
        content = (
            mutate_weights(content, rng) if member.filename.endswith(".safetensors") else mutate_bytes(content, rng)
        )
    elif layer == 3:
        with suppress(UnicodeEncodeError):
            written = zipfile.ZipInfo(rng.choice(_NAMES) or "x")
    elif layer == 4:
        kind = rng.choice((stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFREG))
        written.external_attr = (kind | rng.randrange(0o10000)) << 16
        written.compress_type = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    archive.writestr(written, content)


if __name__ == "__main__":
    sys.exit(main(LibraryWorkspace, make_case, __doc__))
