from __future__ import annotations

import shlex

import pytest

from small_dataset_audio.shell import shell_word


@pytest.mark.parametrize("text", ["rain", "my rain", "it's", "a$b", "größe", ""])
def test_a_quoted_word_is_one_word_for_the_shell(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("os.name", "posix")
    assert shlex.split(shell_word(text)) == [text]
