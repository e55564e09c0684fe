"""Where the recordings are, these tests run; where they are not, they skip, and the last lines say so loudly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from real.studio import CORPORA, RECORDINGS, Studio, TrainedOn


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    if not RECORDINGS.is_dir():
        pytest.skip(f"no recordings in {RECORDINGS}: install sonic-pi-samples, or point SDA_RECORDINGS at its samples")
    return Studio(tmp_path_factory.mktemp("studio"))


@pytest.fixture(params=CORPORA)
def trained(request: pytest.FixtureRequest, studio: Studio) -> TrainedOn:
    """A model of each corpus in turn."""
    return studio.trained_on(request.param)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say at the very end how many tests on recordings did not run, and why: a skip must not look like a pass."""
    yield
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        if "tests/real/" in report.nodeid and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            reasons[reason] = reasons.get(reason, 0) + 1
    if reasons:
        terminalreporter.section("TESTS ON REAL RECORDINGS WERE SKIPPED", sep="!", red=True, bold=True)
        for reason, count in reasons.items():
            terminalreporter.line(f"{count} skipped: {reason}", red=True)
