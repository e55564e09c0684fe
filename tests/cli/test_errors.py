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
    for field in dataclasses.fields(GenerationConfig):
        if field.name == "max_duration_s":
            continue
        with pytest.raises(WrongOptionError, match=r"^--"), settings_from_options():
            raise InvalidConfigError(f"{field.name} is 0; it must be something else")
