"""``sda history``: what was made, and what you think of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from small_dataset_audio.cli.confirm import Yes, ask
from small_dataset_audio.cli.errors import WrongOptionError, settings_from_options
from small_dataset_audio.cli.options import Json
from small_dataset_audio.cli.render import messages, print_entry, print_json, print_line, results, waiting

if TYPE_CHECKING:
    from small_dataset_audio.history import HistoryQuery, TakeRecord

DEFAULT_LIMIT: Final = 20

_EPILOG: Final = """\
[bold]Examples[/bold]
  sda history
  sda history --search rain --kept
  sda history --rating green --since 2026-11-01 -n 50
  sda history rate 12 4
  sda history note 12 "the long fade, for the opening"
  sda history compare 12 15 --plot
  sda history scan ~/Music/takes

Takes are recorded by `sda generate`, except with --no-history. Discarded takes lie in the trash; `sda history
restore` brings them back."""

history = typer.Typer(
    name="history",
    help="List the takes that were made: search, rate, note, keep, discard, compare.",
    epilog=_EPILOG,
    invoke_without_command=True,
)

Id = Annotated[int, typer.Argument(metavar="ID", help="Number of a take, as `sda history` lists it.")]

Ids = Annotated[list[int], typer.Argument(metavar="ID...", help="Numbers of takes, as `sda history` lists them.")]


@history.callback()
@history.command("list")
def list_takes(
    ctx: typer.Context,
    search: Annotated[
        str, typer.Option(metavar="WORDS", help="Words in model, note or file name.", show_default=False)
    ] = "",
    model: Annotated[str, typer.Option(metavar="NAME", help="Takes of one model.", show_default=False)] = "",
    rating: Annotated[
        Literal["", "green", "yellow", "red"],
        typer.Option(metavar="COLOUR", help="green, yellow or red.", show_default=False),
    ] = "",
    kept: Annotated[bool, typer.Option("--kept", help="Takes that you keep.")] = False,
    discarded: Annotated[bool, typer.Option("--discarded", help="Takes that you discarded.")] = False,
    since: Annotated[str, typer.Option(metavar="DAY", help="From this day on: 2026-11-29.", show_default=False)] = "",
    until: Annotated[str, typer.Option(metavar="DAY", help="Up to this day.", show_default=False)] = "",
    stars: Annotated[
        int, typer.Option(metavar="1..5", help="Takes with at least so many stars.", show_default=False)
    ] = 0,
    limit: Annotated[
        int, typer.Option("-n", "--limit", metavar="NUMBER", help="How many, newest first.")
    ] = DEFAULT_LIMIT,
    as_json: Json = False,
) -> None:
    """List the takes that were made: search, rate, note, keep, discard, compare."""
    if ctx.invoked_subcommand is not None:
        return
    if kept and discarded:
        raise WrongOptionError("--kept and --discarded are given; no take is both, so leave one out")
    from small_dataset_audio.history import HistoryQuery

    state = "kept" if kept else "discarded" if discarded else ""
    with settings_from_options():
        _list(HistoryQuery(search, model, rating, state, since, until, limit, min_stars=stars), as_json)


def _list(query: HistoryQuery, as_json: bool) -> None:
    with waiting(messages(), "looking through the history"):
        from small_dataset_audio.cli.history_view import take_table, take_to_json
        from small_dataset_audio.history import HistoryQuery
        from small_dataset_audio.workflow import count_takes, search_takes

        takes = search_takes(query)
        total = count_takes(query)
    if as_json:
        print_json({"total": total, "takes": [take_to_json(take) for take in takes]})
        return
    console = results()
    if takes:
        console.print(take_table(takes))
        if total > len(takes):
            print_line(console, f"the newest {len(takes)} of {total}; -n {total} lists all")
    elif query == HistoryQuery(limit=query.limit):
        print_line(console, "no takes yet; make some with `sda generate MODEL`")
    else:
        print_line(console, "no such takes")


@history.command(epilog="[bold]Examples[/bold]\n  sda history show 12\n  sda history show 12 --json")
def show(take: Id, as_json: Json = False) -> None:
    """Show all that is known of a take."""
    from small_dataset_audio.cli.history_view import print_record, take_to_json
    from small_dataset_audio.workflow import get_take

    record = get_take(take)
    if as_json:
        print_json(take_to_json(record))
    else:
        print_record(results(), record)


@history.command(epilog="[bold]Examples[/bold]\n  sda history rate 12 4\n  sda history rate 12 0")
def rate(
    take: Id,
    stars: Annotated[int, typer.Argument(metavar="STARS", help="1 to 5; 0 takes them away.")],
    as_json: Json = False,
) -> None:
    """Give a take one to five stars."""
    from small_dataset_audio.workflow import rate_take

    with settings_from_options():
        _said(rate_take(take, stars), as_json)


@history.command(epilog='[bold]Examples[/bold]\n  sda history note 12 "for the opening"\n  sda history note 12 ""')
def note(
    take: Id,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Your note; empty removes it.")],
    as_json: Json = False,
) -> None:
    """Write a note about a take."""
    from small_dataset_audio.workflow import note_take

    with settings_from_options():
        _said(note_take(take, text), as_json)


@history.command(epilog="[bold]Examples[/bold]\n  sda history keep 12\n  sda history keep 12 13 14")
def keep(takes: Ids, as_json: Json = False) -> None:
    """Mark takes as kept; discarded ones are brought back from the trash."""
    from small_dataset_audio.workflow import keep_take

    _said_of_all([keep_take(number) for number in _known(takes)], as_json)


@history.command(
    epilog="[bold]Examples[/bold]\n  sda history discard 12\n  sda history discard 12 13 14 --yes\n\n"
    "`sda history restore` brings them back, until `sda model trash empty`."
)
def discard(
    takes: Ids,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Move takes to the trash, and mark them as discarded."""
    from small_dataset_audio.workflow import discard_take

    known = _known(takes)
    ask(f"Move {_count(known)} with all files to the trash?", yes)
    _said_of_all([discard_take(number).record for number in known], as_json)


@history.command(epilog="[bold]Examples[/bold]\n  sda history restore 12\n  sda history restore 12 13")
def restore(takes: Ids, as_json: Json = False) -> None:
    """Bring discarded takes back to where they were."""
    from small_dataset_audio.workflow import restore_take

    _said_of_all([restore_take(number) for number in _known(takes)], as_json)


def _known(numbers: list[int]) -> list[int]:
    """Return numbers without repetitions; one that is no take's stops all before anything is done."""
    from small_dataset_audio.workflow import get_take

    return [get_take(number).id for number in dict.fromkeys(numbers)]


def _count(numbers: list[int]) -> str:
    return f"take {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} takes"


def _said(record: TakeRecord, as_json: bool) -> None:
    """Show a take as it is after a change."""
    from small_dataset_audio.cli.history_view import take_in_words, take_to_json

    if as_json:
        print_json(take_to_json(record))
    else:
        print_line(results(), (f"#{record.id}", "bold"), f"  {take_in_words(record)}")


def _said_of_all(records: list[TakeRecord], as_json: bool) -> None:
    from small_dataset_audio.cli.history_view import take_to_json

    if as_json:
        print_json({"takes": [take_to_json(record) for record in records]})
        return
    for record in records:
        _said(record, as_json=False)


@history.command(
    epilog="[bold]Examples[/bold]\n  sda history compare 12 15\n  sda history compare 12 15 --plot -o both.png"
)
def compare(
    first: Id,
    second: Annotated[int, typer.Argument(metavar="ID", help="Number of another take.")],
    plot: Annotated[bool, typer.Option("--plot", help="Draw both, one above the other, takes_ID_ID.png.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Where to draw, instead of the folder you are in.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show in what two takes differ."""
    picture = output or (Path(f"takes_{first}_{second}.png") if plot else None)
    with waiting(messages(), "comparing"):
        from small_dataset_audio.cli.history_view import comparison_to_json, print_comparison
        from small_dataset_audio.workflow import compare_takes

        comparison = compare_takes(first, second, picture=picture)
    if as_json:
        print_json(comparison_to_json(comparison, picture))
    else:
        print_comparison(results(), comparison, picture)


@history.command(epilog="[bold]Examples[/bold]\n  sda history forget 12\n  sda history forget 12 --with-files --yes")
def forget(
    take: Id,
    with_files: Annotated[
        bool, typer.Option("--with-files", help="Move the take itself to the trash of the library too.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Remove a take from the history, with its note and stars; its files stay, unless asked for."""
    from small_dataset_audio.workflow import forget_take, get_take

    get_take(take)
    ask(f"Remove take {take} from the history, with its note and stars?", yes)
    forgotten = forget_take(take, with_files=with_files)
    place = None if forgotten.trash is None else forgotten.trash.path
    if as_json:
        print_json({"forgotten": take, "trash": None if place is None else str(place)})
        return
    where = f"still at {forgotten.record.audio_path}" if place is None else f"in {place}"
    where = "missing" if place is None and forgotten.record.is_missing else where
    print_line(results(), (f"#{take}", "bold"), f"  forgotten; its files are {where}")


@history.command(epilog="[bold]Examples[/bold]\n  sda history scan ~/Music/takes\n  sda history scan old-takes --add")
def scan(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where takes may be now; it is only read.")],
    add: Annotated[bool, typer.Option("--add", help="Record takes that the history does not know, too.")] = False,
    as_json: Json = False,
) -> None:
    """Find takes again that were moved or renamed."""
    with waiting(messages(), "looking for takes"):
        from small_dataset_audio.cli.history_view import take_to_json
        from small_dataset_audio.workflow import scan_takes

        report = scan_takes(folder, add_unknown=add)
    if as_json:
        value: dict[str, Any] = {
            "looked_at": report.looked_at,
            "found": [take_to_json(take) for take in report.found],
            "added": [take_to_json(take) for take in report.added],
            "still_missing": report.still_missing,
        }
        print_json(value)
        return
    console = results()
    for word, takes in (("found", report.found), ("added", report.added)):
        for record in takes:
            print_line(console, (f"#{record.id}", "bold"), f"  {word}  {record.audio_path}")
    print_entry(console, "looked at", f"{report.looked_at} takes")
    print_entry(console, "missing", str(report.still_missing))
