from __future__ import annotations

import dataclasses

import pytest

from small_dataset_audio.cli.errors import (
    EXIT_NOTHING_DONE,
    EXIT_WRONG_COMMAND_LINE,
    WrongOptionError,
    exit_code,
    print_error,
    printable,
    settings_from_options,
)
from small_dataset_audio.errors import CorpusError, InvalidConfigError
from small_dataset_audio.inference.config import GenerationConfig


def test_an_error_is_one_line_whatever_its_message_holds(capsys: pytest.CaptureFixture[str]):
    print_error("two\nlines, [red]no markup[/red], " + "a long line " * 40 + "and \x1b[2J")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("error: two lines, [red]no markup[/red], a long line")
    assert captured.err.endswith("and ?[2J\n")


def test_control_characters_are_replaced_and_letters_of_every_script_stay():
    assert printable("a\x1b[31m\x00\udcff é 雨 👩\u200d🚀") == "a?[31m?? é 雨 👩\u200d🚀"


def test_a_wrong_setting_is_called_by_its_option_and_is_the_command_line_that_is_wrong():
    with pytest.raises(WrongOptionError, match=r"^--width is 9\.0; it must be") as caught, settings_from_options():
        GenerationConfig(stereo_width=9.0).validate()
    assert exit_code(caught.value) == EXIT_WRONG_COMMAND_LINE


def test_any_other_error_is_left_as_it_is():
    with pytest.raises(CorpusError) as caught, settings_from_options():
        raise CorpusError("nothing there")
    assert exit_code(caught.value) == EXIT_NOTHING_DONE


def test_every_setting_of_a_take_that_an_option_sets_is_named_by_that_option():
    for name in [field.name for field in dataclasses.fields(GenerationConfig)] + ["chunk_samples"]:
        with pytest.raises(WrongOptionError, match=r"^--"), settings_from_options():
            raise InvalidConfigError(f"{name} is 0; it must be something else")


@pytest.mark.parametrize(
    ("said", "on_the_command_line"),
    [
        ("budget_s is 604801.5; it must be from 5 to 604800", "--budget is 168h1.5s; it must be from 5s to 168h"),
        (
            "duration_s is 7200.0; it must be over 0 and at most max_duration_s (3600.0)",
            "--duration is 2h; it must be over 0s and at most 1h",
        ),
        (
            "duration_s is 1e-05; it must be at least one sample at 48000 Hz",
            "--duration is 1e-05; it must be at least one sample at 48000 Hz",
        ),
        ("seed is -1; it must be None, or from 0 to 9", "--seed is -1; it must be from 0 to 9"),
        ("stereo_width is 9.0; it must be from 0.0 to 1.5", "--width is 9.0; it must be from 0.0 to 1.5"),
    ],
)
def test_a_rule_is_said_in_the_words_of_a_command_line(said: str, on_the_command_line: str):
    with pytest.raises(WrongOptionError) as caught, settings_from_options():
        raise InvalidConfigError(said)
    assert str(caught.value) == on_the_command_line
