from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import plain_recipe
import sound
import sound_systems
import sound_table
from measures.embedding import why_unavailable
from sound_goals import EARLY_GOAL, GOALS, TONAL_CORPORA, with_verdicts
from sound_systems import takes_folder
from sound_table import SYSTEMS, markdown, merge, read_rows, write_rows

from tiny import five_clips, start_python, write_recordings

RATE_HZ = 48_000

needs_embedding = pytest.mark.skipif(why_unavailable() is not None, reason=f"NOT MEASURED: {why_unavailable()}")

MET = {
    "kad": 4.0,
    "kad_standard_error": 0.6,
    "density": 1.0,
    "coverage": 0.9,
    "copied_share": 0.1,
    "flux_median_ratio": 1.0,
    "flux_p99_ratio": 1.5,
    "real_time_factor": 0.03,
    "onset_distance_db": 0.04,
    "loudness_distance_db": 1.5,
    "in_tune_share": 0.97,
    "swing_ratio": 1.1,
}
PLAIN = {"kad": 400.0, "onset_distance_db": 0.5, "loudness_distance_db": 12.0}
OTHERS = {
    "novel": {"kad": 6.0, "copied_share": 0.05},
    "plain": PLAIN,
    "first": {"kad": 20.0, "ready_s": 3.2},
    "whole": {"kad": 4.0},
    "walk": {"kad": 50.0, "coverage": 0.7},
    "shuffle": {"kad": 130.0},
}
RESEMBLANCE = {"resemblance_corpus_own_db": 2.3, "resemblance_corpus_others_db": None}


def row(corpus: str = "tabla", budget_s: float = 180.0, *, ours: dict[str, Any] | None = None, **others: Any) -> Any:
    systems = {"ours": {**MET, **(ours or {})}, **OTHERS, **others}
    return {
        "corpus": corpus,
        "budget_s": budget_s,
        "date": "2026-01-02T03:04:05+00:00",
        "commit": "abc1234",
        "machine": "a machine",
        "python": "3.11",
        "recordings": 26,
        "recordings_s": 31.4,
        "takes": 12,
        "take_s": 10.0,
        "systems": {name: {**RESEMBLANCE, **figures} for name, figures in systems.items() if figures is not None},
    }


def verdicts(*rows: Any) -> dict[str, Any]:
    return {verdict["goal"]: verdict for verdict in with_verdicts(rows)[0]["goals"]}


# --- Goals -----------------------------------------------------------------------------------------------------------


def test_a_row_within_every_range_meets_every_goal() -> None:
    judged = verdicts(row(TONAL_CORPORA[0]))
    assert [verdict["met"] for verdict in judged.values()] == [True] * len(GOALS)
    assert judged["KAD over plain's"]["value"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("goal", "ours"),
    [
        ("KAD over plain's", {"kad": 40.1}),
        ("KAD over shuffle's", {"kad": 43.4}),
        ("KAD over walk's", {"kad": 50.0}),
        ("density", {"density": 1.31}),
        ("density", {"density": 0.69}),
        ("coverage", {"coverage": 0.84}),
        ("coverage over walk's", {"coverage": 0.7}),
        ("copied share", {"copied_share": 0.16}),
        ("flux median ratio", {"flux_median_ratio": 0.84}),
        ("flux median ratio", {"flux_median_ratio": 1.16}),
        ("flux p99 ratio", {"flux_p99_ratio": 2.1}),
        ("real-time factor", {"real_time_factor": 0.051}),
        ("onset distance over plain's", {"onset_distance_db": 0.26}),
        ("loudness distance over plain's", {"loudness_distance_db": 6.1}),
        ("partials in tune", {"in_tune_share": 0.94}),
        ("beating", {"swing_ratio": 1.16}),
    ],
)
def test_a_figure_just_outside_its_range_misses_its_goal(goal: str, ours: dict[str, float]) -> None:
    assert not verdicts(row(TONAL_CORPORA[0], ours=ours))[goal]["met"]


def test_a_goal_for_high_novelty_judges_that_system_and_not_the_default() -> None:
    goal = "copied share, novelty high"
    assert verdicts(row(ours={"copied_share": 0.9}))[goal]["met"]
    assert not verdicts(row(novel={"copied_share": 0.06}))[goal]["met"]
    assert goal not in verdicts(row(novel=None))


def test_tuning_is_a_goal_of_tonal_corpora_alone() -> None:
    assert not {"partials in tune", "beating"} & set(verdicts(row("tabla")))


@pytest.mark.parametrize(("kad", "met"), [(-2.0, True), (-1.0, True), (0.5, False)])
def test_a_baseline_that_cannot_be_told_from_the_corpus_leaves_no_ratio_but_a_verdict(kad: float, met: bool) -> None:
    verdict = verdicts(row(ours={"kad": kad}, shuffle={"kad": -1.0}))["KAD over shuffle's"]
    assert (verdict["value"], verdict["met"]) == (None, met)


def test_a_walk_that_covers_nothing_is_beaten_by_any_coverage() -> None:
    walk = {"kad": 50.0, "coverage": 0.0}
    assert verdicts(row(walk=walk))["coverage over walk's"]["met"]
    assert not verdicts(row(ours={"coverage": 0.0}, walk=walk))["coverage over walk's"]["met"]


def test_a_goal_whose_figure_is_not_measured_is_not_judged() -> None:
    judged = verdicts(row(ours={"flux_median_ratio": None}, plain=None))
    assert "flux median ratio" not in judged
    assert "KAD over plain's" not in judged
    assert judged["KAD over walk's"]["met"]


def test_the_early_budget_is_held_against_the_plain_recipe_at_the_late_one() -> None:
    early = row(budget_s=60.0, ours={"kad": 15.0})
    verdict = verdicts(early, row(plain={"kad": 100.0}))[EARLY_GOAL.name]
    assert (verdict["value"], verdict["met"]) == (pytest.approx(0.15), True)
    assert EARLY_GOAL.name not in verdicts(early)
    assert EARLY_GOAL.name not in verdicts(early, {**row(), "commit": "def5678"}), "another commit is another recipe"
    assert EARLY_GOAL.name not in verdicts(early, row(corpus="ambi"))


# --- Rows and the table ----------------------------------------------------------------------------------------------


def test_a_row_replaces_the_one_of_its_corpus_and_budget_and_no_other() -> None:
    old = [row(), row(budget_s=60.0), row(corpus="ambi")]
    new = row(ours={"kad": 3.0})
    assert merge(old, new) == [new, *old[1:]]
    assert merge(old[1:], new) == [*old[1:], new]


def test_a_row_never_loses_a_system_to_a_newer_one_that_lacks_it() -> None:
    whole, half = row(), row(plain=None)
    of_fewer_systems = row(novel=None)
    assert merge([of_fewer_systems], half) == [of_fewer_systems]
    assert merge([of_fewer_systems], whole) == [whole]
    assert merge([whole], half) == [whole]
    assert merge([half], whole) == [whole]
    assert merge([], half) == [half]


def test_the_table_has_one_section_a_corpus_and_says_of_each_goal_whether_it_is_met() -> None:
    text = markdown(with_verdicts([row(), row(budget_s=60.0, ours={"copied_share": 0.4}), row(corpus="ambi")]))
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Goals at 180 s", "tabla", "ambi"]
    head = next(line for line in text.splitlines() if line.startswith("|  | goal | ours"))
    titles = ["", "goal", "ours, 60 s", "ours, 180 s", "ours, novelty high, 60 s"]
    titles += [
        "ours, novelty high, 180 s",
        "plain, 60 s",
        "plain, 180 s",
        "first sound",
        "whole recordings",
        "walk",
        "shuffle",
    ]
    assert [cell.strip() for cell in head.strip("|").split("|")] == titles
    assert "| copied share | at most 15 % | 40 % missed | 10 % met | 5 % | 5 % | - | - | - | - | - | - |" in text
    assert "| KAD |  | 4.0 ±0.6 | 4.0 ±0.6 | 6.0 | 6.0 | 400.0 | 400.0 | 20.0 | 4.0 | 50.0 | 130.0 |" in text
    assert "| ready to generate after |  | - | - | - | - | - | - | 3.2 s | - | - | - |" in text
    assert "60 s: 13 of 14 goals met (2026-01-02T03:04:05+00:00, commit abc1234" in text


def test_all_lines_of_a_table_have_as_many_cells() -> None:
    text = markdown(with_verdicts([row(), row(budget_s=60.0, plain=None)])).partition("## tabla")[2]
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


def test_the_goals_of_all_corpora_stand_in_one_table_with_the_early_one_from_its_own_row() -> None:
    rows = [row(), row(budget_s=60.0, ours={"kad": 100.0}), row("ambi", ours={"in_tune_share": 0.5}), row("drum", 60.0)]
    text = markdown(with_verdicts(rows)).partition("## tabla")[0]
    assert "|  | goal | tabla | ambi |" in text, "drum was not measured at 180 s"
    assert "| copied share | at most 15 % | 10 % met | 10 % met |" in text
    assert "| partials in tune | at least 95 % | - | 50 % missed |" in text
    tabla = markdown(with_verdicts(rows)).partition("## tabla")[2]
    assert "| partials in tune |  | 97 % |" in tabla, "no goal is shown where none is judged"
    assert "| KAD at 60 s over plain's at 180 s | at most 0.2 | 0.250 missed | - |" in text
    assert "## Goals" not in markdown(with_verdicts([row(budget_s=60.0)]))


def test_every_goal_can_be_shown() -> None:
    assert {goal.name for goal in (*GOALS, EARLY_GOAL)} <= set(sound_table._SHOW)


def test_rows_of_an_older_run_without_the_newer_figures_are_shown_without_them(tmp_path: Path) -> None:
    old = row(
        novel=None,
        first=None,
        whole=None,
        ours={"kad_standard_error": None, "onset_distance_db": None, "swing_ratio": None},
    )
    write_rows(tmp_path, [old])
    assert [saved["corpus"] for saved in read_rows(tmp_path)] == ["tabla"]
    text = (tmp_path / "sound.md").read_text()
    assert "| KAD |  | 4.0 | 400.0 | 50.0 | 130.0 |" in text
    assert "beating" not in text
    assert "onset distance over plain's" not in text


def test_a_baseline_stands_in_the_table_from_the_newest_row_that_has_it() -> None:
    older, newest = row(budget_s=60.0), {**row(first=None), "date": "2026-02-02T03:04:05+00:00"}
    newest["systems"]["walk"] = {**RESEMBLANCE, "kad": 51.0}
    text = markdown(with_verdicts([older, newest]))
    assert "plain, 180 s | first sound | whole recordings | walk | shuffle |" in text
    assert "| KAD |  | 4.0 ±0.6 | 4.0 ±0.6 | 6.0 | 6.0 | 400.0 | 400.0 | 20.0 | 4.0 | 51.0 | 130.0 |" in text
    assert "first sound |" not in markdown(with_verdicts([newest]))


def test_a_row_that_was_measured_before_a_system_was_there_stays_until_a_whole_one_comes() -> None:
    before, whole = row(first=None), row()
    assert merge([before], whole) == [whole]
    assert merge([whole], before) == [whole]


def test_the_committed_table_is_the_one_of_the_committed_rows() -> None:
    assert (sound_table.RESULTS / "sound.md").read_text() == markdown(with_verdicts(read_rows(sound_table.RESULTS)))


# --- The plain recipe ------------------------------------------------------------------------------------------------


def ticking(step_s: float = 1.0) -> Any:
    """A clock that goes on by `step_s` whenever it is read."""
    return itertools.count(step=step_s).__next__


@pytest.fixture(scope="module")
def plain_model() -> plain_recipe.PlainModel:
    return plain_recipe.train(five_clips(), 12.0, clock=ticking())


def test_the_plain_recipe_trains_for_as_long_as_its_budget(plain_model: plain_recipe.PlainModel) -> None:
    assert plain_model.steps == 11


def test_training_the_plain_recipe_brings_its_reconstructions_nearer() -> None:
    mels = [plain_recipe.log_mel(clip) for clip in five_clips()]
    crops = torch.from_numpy(plain_recipe.draw_crops(mels, 8, np.random.default_rng(1)))

    def error(model: plain_recipe.PlainModel) -> float:
        batch = (crops - model.mean) / model.deviation
        with torch.no_grad():
            reconstruction, _ = model.network(batch, torch.zeros(8, plain_recipe.LATENT_DIM))
        return float((reconstruction - batch).square().mean())

    trained = plain_recipe.train(five_clips(), 40.0, clock=ticking())
    untrained = plain_recipe.train(five_clips(), 2.0, clock=ticking())
    assert error(trained) < 0.5 * error(untrained)


def test_the_kl_divergence_is_that_of_torch() -> None:
    network = plain_recipe.PlainVAE().eval()
    mel = torch.from_numpy(np.random.default_rng(0).standard_normal((3, 1, 128, 96), dtype=np.float32))
    with torch.no_grad():
        _, kl = network(mel, torch.zeros(3, plain_recipe.LATENT_DIM))
        mean, log_variance = network.encoder(mel).chunk(2, dim=1)
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    expected = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(kl, expected)


@pytest.mark.parametrize("duration_s", [0.03, 1.0, 2.5])
def test_a_plain_take_is_exact_to_the_sample_and_peaks_at_minus_1_db(
    plain_model: plain_recipe.PlainModel, duration_s: float
) -> None:
    take = plain_recipe.generate(plain_model, duration_s, 0)
    assert take.shape == (round(duration_s * RATE_HZ),)
    assert take.dtype == np.float32
    assert np.abs(take).max() == pytest.approx(0.891, abs=1e-3)


def test_a_plain_take_is_a_function_of_model_and_seed(plain_model: plain_recipe.PlainModel, tmp_path: Path) -> None:
    plain_recipe.save(plain_model, tmp_path / "plain.safetensors")
    again = plain_recipe.load(tmp_path / "plain.safetensors")
    take = plain_recipe.generate(plain_model, 1.5, 3)
    np.testing.assert_array_equal(plain_recipe.generate(again, 1.5, 3), take)
    assert not np.array_equal(plain_recipe.generate(plain_model, 1.5, 4), take)


def test_the_plain_recipe_leaves_the_global_generator_as_it_was(plain_model: plain_recipe.PlainModel) -> None:
    before = torch.random.get_rng_state()
    plain_recipe.train(five_clips(), 2.0, clock=ticking())
    plain_recipe.generate(plain_model, 1.0, 0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_rendering_true_mels_gives_the_tone_back_at_its_frequency_and_level() -> None:
    time_s = np.arange(plain_recipe.CHUNK_SAMPLES) / RATE_HZ
    tone = (0.5 * np.sin(2 * np.pi * 1000.0 * time_s)).astype(np.float32)
    log_power = torch.from_numpy(plain_recipe.log_mel(tone))[None]
    rendered = plain_recipe.render(log_power, torch.Generator().manual_seed(0))[0]
    middle = rendered[RATE_HZ // 4 : 3 * RATE_HZ // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * RATE_HZ / len(middle) == pytest.approx(1000.0, abs=25.0)  # a mel band is 30 Hz wide
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / 2**0.5, rel=0.3)


def test_silent_mels_render_silence() -> None:
    silence = torch.full((1, plain_recipe.N_MELS, 20), -0.1)
    assert not plain_recipe.render(silence, torch.Generator().manual_seed(0)).any()


def test_crops_are_stretches_of_the_corpus_and_short_recordings_end_in_silence() -> None:
    long = np.arange(1, 301, dtype=np.float32) * np.ones((plain_recipe.N_MELS, 1), dtype=np.float32)
    short = np.full((plain_recipe.N_MELS, 40), -7.0, dtype=np.float32)
    crops = plain_recipe.draw_crops([long, short], 200, np.random.default_rng(0))[:, 0, 0]
    is_short = crops[:, 0] == -7.0
    assert 10 <= is_short.sum() <= 45  # 40 of 340 frames: 23.5 expected, deviation 4.6
    assert (crops[is_short, :40] == -7.0).all()
    assert not crops[is_short, 40:].any()
    assert (np.diff(crops[~is_short], axis=1) == 1.0).all()
    starts = crops[~is_short, 0]
    assert starts.min() < 20
    assert starts.max() > 185


# --- The systems, and the run ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("system", ["first", "whole", "walk", "shuffle"])
def test_a_baseline_makes_the_takes_asked_for_and_says_how_fast(tmp_path: Path, system: str) -> None:
    corpus = tmp_path / "corpus"
    write_recordings(corpus, [np.tile(clip, 2) for clip in five_clips()])
    task = {"task": "generate", "system": system, "home": str(tmp_path), "corpus": str(corpus)}
    figures = sound_systems.work({**task, "takes": 2, "take_s": 1.5})
    takes = [sf.read(path)[0] for path in sorted(takes_folder(str(tmp_path), system).iterdir())]
    assert [len(take) for take in takes] == [72_000, 72_000]
    assert not np.array_equal(*takes)
    assert figures["real_time_factor"] > 0.0
    assert figures["ready_s"] > 0.0
    assert figures["generation_peak_mb"] > 50.0


def test_ours_and_plain_train_save_and_generate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_recipe, "BATCH_SIZE", 2)
    corpus = write_recordings(tmp_path / "corpus")
    for system in ("ours", "plain"):
        task = {"system": system, "home": str(tmp_path / system), "corpus": str(corpus)}
        (tmp_path / system).mkdir()
        training = sound_systems.work({**task, "task": "train", "budget_s": 8.0})
        assert training["steps"] >= 1
        assert training["training_s"] > 0.0
        sound_systems.work({**task, "task": "generate", "takes": 1, "take_s": 1.0})
        assert sf.info(takes_folder(task["home"], system) / "seed 000.wav").frames == RATE_HZ


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process's own peak")
def test_peak_memory_is_that_of_the_process_and_not_of_its_parent() -> None:
    ballast = np.ones(150_000_000)  # 1.2 GB, several times what the child imports
    program = "import machine; print(machine.peak_mb())"
    child = start_python(program, PYTHONPATH=Path(sound_systems.__file__).parent)
    assert child.returncode == 0, child.stderr
    assert 10.0 < float(child.stdout) < ballast.nbytes / (1 << 20)


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    folder = tmp_path / "samples"
    folder.mkdir()
    for number, clip in enumerate(five_clips()):
        sf.write(folder / f"pluck_{number}.wav", np.tile(clip, 2), RATE_HZ)
    return folder


@pytest.fixture
def noise_instead_of_systems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """Every system answers at once with noise; the list fills with the tasks they were given."""
    tasks: list[dict[str, Any]] = []

    def answer(task: dict[str, Any]) -> dict[str, Any]:
        tasks.append(task)
        if task["task"] == "train":
            return {"training_s": task["budget_s"], "steps": 5, "stop_reason": "budget", "training_peak_mb": 700.0}
        folder = takes_folder(task["home"], task["system"])
        folder.mkdir(parents=True)
        for seed in range(task["takes"]):
            noise = np.random.default_rng(seed).standard_normal(round(task["take_s"] * RATE_HZ))
            sf.write(folder / f"seed {seed:03d}.wav", 0.1 * noise, RATE_HZ)
        return {"ready_s": 1.0, "real_time_factor": 0.02, "generation_peak_mb": 600.0}

    monkeypatch.setattr(sound, "_in_process", answer)
    monkeypatch.setattr(sound, "RESULTS", tmp_path / "results")
    return tasks


@needs_embedding
def test_a_run_measures_every_system_and_prints_one_table(
    samples: Path, noise_instead_of_systems: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "--samples",
        str(samples),
        "--corpora",
        "pluck",
        "--budgets",
        "10",
        "20",
        "--takes",
        "2",
        "--seconds",
        "2",
    ]
    assert sound.main(arguments) == 0
    out = capsys.readouterr().out
    novel = "ours, novelty high, 10 s | ours, novelty high, 20 s"
    assert (
        f"| ours, 10 s | ours, 20 s | {novel} | plain, 10 s | plain, 20 s | first sound | whole recordings | walk | shuffle |"
        in out
    )
    trained = [(task["system"], task["budget_s"]) for task in noise_instead_of_systems if task["task"] == "train"]
    assert trained == [("ours", 10.0), ("plain", 10.0), ("ours", 20.0), ("plain", 20.0)]
    generated = [task["system"] for task in noise_instead_of_systems if task["task"] == "generate"]
    assert generated == ["first", "whole", "walk", "shuffle", *["ours", "novel", "plain"] * 2]
    homes = {(task["system"], task["home"]) for task in noise_instead_of_systems if task.get("budget_s") == 10.0}
    heard = {(task["system"], task["home"]) for task in noise_instead_of_systems if task["task"] == "generate"}
    assert {("novel", home) for system, home in homes if system == "ours"} <= heard, "novel plays the model of ours"


@needs_embedding
def test_takes_are_kept_by_corpus_system_and_budget(
    samples: Path, noise_instead_of_systems: list[dict[str, Any]], tmp_path: Path
) -> None:
    keep = tmp_path / "kept"
    arguments = ["--samples", str(samples), "--corpora", "pluck", "--budgets", "10", "--takes", "2", "--seconds", "2"]
    assert sound.main([*arguments, "--keep", str(keep)]) == 0
    kept = {path.relative_to(keep).as_posix() for path in keep.rglob("*.wav")}
    systems = ("ours-10s", "novel-10s", "plain-10s", "first", "whole", "walk", "shuffle")
    assert kept == {f"pluck/{system}/seed {seed:03d}.wav" for system in systems for seed in (0, 1)}


def test_a_system_that_fails_ends_the_run_with_one_line(
    samples: Path, noise_instead_of_systems: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(task: dict[str, Any]) -> dict[str, Any]:
        raise subprocess.CalledProcessError(7, "python")

    monkeypatch.setattr(sound, "_in_process", fail)
    monkeypatch.setattr(sound, "why_unavailable", lambda: None)
    monkeypatch.setattr(sound, "SoundMeter", lambda _: None)
    assert sound.main(["--samples", str(samples), "--corpora", "pluck"]) == 1
    assert "error: a system failed with exit code 7" in capsys.readouterr().err


@needs_embedding
def test_an_interrupted_run_keeps_what_it_measured_and_a_later_one_adds_to_it(
    samples: Path,
    noise_instead_of_systems: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sound, "TAKES", 2)
    monkeypatch.setattr(sound, "SECONDS", 2.0)
    arguments = [
        "--samples",
        str(samples),
        "--corpora",
        "pluck",
        "--save",
        "--takes",
        "2",
        "--seconds",
        "2",
        "--budgets",
    ]
    answer = sound._in_process

    def interrupted(task: dict[str, Any]) -> dict[str, Any]:
        if task["system"] == "plain" and task.get("budget_s") == 20.0:
            raise KeyboardInterrupt
        return answer(task)

    monkeypatch.setattr(sound, "_in_process", interrupted)
    assert sound.main([*arguments, "10", "20"]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert saved_systems() == {10.0: set(SYSTEMS), 20.0: set(SYSTEMS) - {"plain"}}

    monkeypatch.setattr(sound, "_in_process", answer)
    assert sound.main([*arguments, "20"]) == 0
    assert saved_systems() == {10.0: set(SYSTEMS), 20.0: set(SYSTEMS)}
    assert "| ours, 10 s | ours, 20 s |" in (sound.RESULTS / "sound.md").read_text()
    assert "ours, 10 s" not in capsys.readouterr().out, "what is printed is what was measured now"


def saved_systems() -> dict[float, set[str]]:
    rows = json.loads((sound.RESULTS / "sound.json").read_text())["rows"]
    return {saved["budget_s"]: set(saved["systems"]) for saved in rows}


def test_missing_recordings_are_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sound.main(["--samples", str(tmp_path / "nowhere")]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "nowhere is not a folder" in error


def test_a_corpus_without_recordings_is_named(samples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sound.main(["--samples", str(samples), "--corpora", "pluck", "gong"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "gong_*" in error


def test_a_missing_embedding_is_said_in_one_line(
    samples: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sound, "why_unavailable", lambda: "aisfx is not installed; run: pip install it")
    assert sound.main(["--samples", str(samples), "--corpora", "pluck"]) == 1
    assert capsys.readouterr().err == "error: aisfx is not installed; run: pip install it\n"


@pytest.mark.parametrize(
    "arguments",
    [["--quick", "--save"], ["--takes", "4", "--save"], ["--takes", "0"], ["--seconds", "0.5"], ["--budgets", "2"]],
)
def test_settings_that_measure_nothing_of_worth_are_a_wrong_command_line(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        sound.main(arguments)
    assert exit_info.value.code == 2
