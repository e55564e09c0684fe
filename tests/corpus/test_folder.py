from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from badfiles import pcm16, tone, wav_bytes
from small_dataset_audio.corpus.folder import list_files, order_key

AUDIO = wav_bytes(pcm16(tone(0.1)))


def fill(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(AUDIO)


def names(folder: Path) -> list[str]:
    return [file.name for file in list_files(folder)]


def test_files_come_in_the_order_in_which_a_person_counts(tmp_path):
    fill(tmp_path, "take 10.wav", "take 9.wav", "Take 2.wav", "take 02b.wav", "a.wav", "Z.wav")
    assert names(tmp_path) == ["a.wav", "Take 2.wav", "take 02b.wav", "take 9.wav", "take 10.wav", "Z.wav"]


def test_folders_are_entered_at_every_depth_and_stay_together(tmp_path):
    fill(tmp_path, "b.wav", "a/2.wav", "a/10.wav", "a/b/c/d/1.wav", "a b/1.wav", "10/x.wav", "9/x.wav")
    found = names(tmp_path)
    assert found == ["9/x.wav", "10/x.wav", "a/2.wav", "a/10.wav", "a/b/c/d/1.wav", "a b/1.wav", "b.wav"]


def test_an_empty_folder_lists_nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    assert list_files(tmp_path) == []


def test_a_hidden_folder_is_entered_where_it_is_the_one_asked_for(tmp_path):
    fill(tmp_path, ".recordings/a.wav")
    assert names(tmp_path) == []
    assert names(tmp_path / ".recordings") == ["a.wav"]


def test_a_folder_reached_by_a_link_or_a_roundabout_path_is_the_same_folder(tmp_path):
    fill(tmp_path, "real/a.wav", "real/sub/b.wav")
    (tmp_path / "alias").symlink_to(tmp_path / "real")
    assert names(tmp_path / "alias") == ["a.wav", "sub/b.wav"]
    assert names(tmp_path / "real" / "sub" / "..") == ["a.wav", "sub/b.wav"]


def test_a_folder_named_like_a_file_is_entered(tmp_path):
    fill(tmp_path, "kit.wav/kick.wav")
    assert names(tmp_path) == ["kit.wav/kick.wav"]


def test_names_are_text_that_can_be_printed_and_stored(tmp_path):
    try:
        fill(tmp_path, "caf\udce9.wav")
    except (OSError, UnicodeEncodeError):
        fill(tmp_path, "caf\u00e9.wav")
    (name,) = names(tmp_path)
    assert name.encode("utf-8").decode("utf-8") == name


@given(st.lists(st.text("aAbB019 /\u00e9\u0663", max_size=12), max_size=12), st.randoms(use_true_random=False))
def test_the_order_depends_on_the_names_alone(some_names, random):
    shuffled = list(some_names)
    random.shuffle(shuffled)
    assert sorted(shuffled, key=order_key) == sorted(some_names, key=order_key)


@given(st.text(max_size=5), st.integers(0, 10**12), st.integers(0, 10**12))
def test_numbers_in_names_are_ordered_as_numbers(text, one, other):
    smaller, larger = sorted((one, other))
    assert order_key(f"{text}x{smaller}.wav") <= order_key(f"{text}x{larger}.wav")
