"""Writes ``docs/errors.md``: every error, every fault, what is printed, and the tests that prove it.

    python docs/make_errors.py

Errors come from their classes, messages from causing the faults, tests from the tests' own names. A fault without a test stops
the program; ``tests/test_errors_page.py`` fails where the page is not what this makes.
"""

from __future__ import annotations

import ast
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from faults.examples import FAULTS, printed_messages  # noqa: E402 - found only once the tests can be
from small_dataset_audio.cli.errors import exit_code  # noqa: E402
from small_dataset_audio.errors import SdaError  # noqa: E402

PAGE: Final = ROOT / "docs" / "errors.md"
_NUMBERED: Final = re.compile(r"test_(?:row|fault)_0*(\d+)_")


def error_classes(root: type[SdaError] = SdaError) -> Iterator[type[SdaError]]:
    """Go through the tree of errors, each after the one that it is a kind of."""
    yield root
    for child in sorted(root.__subclasses__(), key=lambda kind: kind.__name__):
        if child.__module__.startswith("small_dataset_audio."):
            yield from error_classes(child)


def error_row(kind: type[SdaError]) -> str:
    """Row of an error: name, builtin, meaning, what to do, exit code."""
    builtins = [base for base in kind.__mro__[1:] if base.__module__ == "builtins"]
    nearest = [base for base in builtins if not any(issubclass(other, base) for other in builtins if other is not base)]
    names = ", ".join(f"`{base.__name__}`" for base in nearest)
    meaning = (kind.__doc__ or "").strip().splitlines()[0]
    return f"| `{kind.__name__}` | {names} | {meaning} | {kind.next_step} | {exit_code(kind(''))} |"


def numbered_tests(folder: Path) -> dict[int, list[str]]:
    """Names of the tests by the number of the fault that they bear: of each file the first, and whether it has more."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted(folder.rglob("test_*.py")):
        here: dict[int, list[str]] = defaultdict(list)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and (number := _NUMBERED.match(node.name)):
                here[int(number[1])].append(node.name)
        for number, names in here.items():
            more = " and more" if len(names) > 1 else ""
            found[number].append(f"`{path.relative_to(ROOT).as_posix()}::{names[0]}`{more}")
    return dict(found)


def fault_rows(folder: Path, tests: dict[int, list[str]]) -> Iterator[str]:
    """Rows of the table of faults.

    Raises
    ------
    LookupError
        A fault without a test, or a test for none.
    """
    numbers = {fault.number for fault in FAULTS}
    if tests.keys() != numbers:
        raise LookupError(f"faults without a test, or tests without a fault: {sorted(tests.keys() ^ numbers)}")
    messages = printed_messages(folder)
    for fault in FAULTS:
        message = messages.get(fault.number, "").replace("|", "\\|")
        shown = f"`{message}`" if message else ""
        yield f"| {fault.number} | {fault.fault} | {fault.answer} | {shown} | {'<br>'.join(tests[fault.number])} |"


def page() -> str:
    """Text of the page."""
    errors = "\n".join(error_row(kind) for kind in error_classes())
    with tempfile.TemporaryDirectory() as folder:
        faults = "\n".join(fault_rows(Path(folder).resolve(), numbered_tests(ROOT / "tests")))
    return f"""# Errors and faults

Made by `python docs/make_errors.py`; do not edit.

Every message is one line on stderr: the file or setting, what is wrong with it, and what to do. A traceback comes only with
`--debug`. The exit code is 0 where something was done, 1 where nothing could be, 2 for a wrong command line, and 130 after
Ctrl-C. Recordings are never changed.

## Errors

Each is an `SdaError`, and also the builtin that it specialises.

| error | is also | what it means | what to do | exit code |
| --- | --- | --- | --- | --- |
{errors}

## Faults

What happens, what the program does, what it says where that can be shown in a moment, and the tests that bear the number.

| # | fault | what the program does | what it says | tests |
| --- | --- | --- | --- | --- |
{faults}
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)}: {len(list(error_classes()))} errors, {len(FAULTS)} faults\n")
