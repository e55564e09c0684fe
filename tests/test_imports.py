"""What an import may cost, and what it may not do."""

from __future__ import annotations

import graphlib
import json
from pathlib import Path

import grimp
import pytest

from tiny import run_python

HEAVY = ("torch", "librosa", "matplotlib", "scipy", "soundfile", "soxr", "numpy")

LOADED = "import sys, json; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


def loaded_by(program: str) -> set[str]:
    return set(json.loads(run_python(f"{program}\n{LOADED}")))


def test_the_root_package_loads_nothing_heavy():
    loaded = loaded_by("import small_dataset_audio\nprint(end=small_dataset_audio.__version__[:0])")
    assert "small_dataset_audio" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize(
    "statement",
    [
        "from small_dataset_audio.inference import GenerationConfig",
        "from small_dataset_audio import GenerationConfig",
    ],
)
def test_a_generation_config_is_made_and_checked_without_torch(statement: str):
    loaded = loaded_by(
        f"{statement}\nGenerationConfig(seed=1).validate()\nGenerationConfig.from_mapping({{'seed': 2}})"
    )
    assert "small_dataset_audio" in loaded
    assert "torch" not in loaded


def test_the_studio_answers_without_what_takes_seconds_to_load(tmp_path: Path):
    loaded = loaded_by(
        "from small_dataset_audio.ui.places_on_disk import StudioFolders\n"
        "from small_dataset_audio.ui.request import keep_quiet\n"
        f"keep_quiet(StudioFolders(__import__('pathlib').Path({str(tmp_path)!r})))\n"
        "import small_dataset_audio.ui.server"
    )
    assert "gradio" in loaded
    assert loaded.isdisjoint({"torch", "scipy", "librosa", "numba"})


def test_no_module_needs_one_that_needs_it_so_each_can_be_the_first_that_is_imported():
    graph = grimp.build_graph("small_dataset_audio", exclude_type_checking_imports=True, cache_dir=None)
    assert len(graph.modules) > 200
    needed = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    list(graphlib.TopologicalSorter(needed).static_order())  # raises CycleError, which names the circle


EACH = """
import importlib, pkgutil, sys, warnings
warnings.simplefilter("error", SyntaxWarning)
import small_dataset_audio as package
names = [module.name for module in pkgutil.walk_packages(package.__path__, "small_dataset_audio.")]
assert len(names) > 200, names
failures = []
for name in names:
    importlib.import_module(name)
for name in names:
    parent, _, last = name.rpartition(".")
    if last in getattr(sys.modules[parent], "__all__", ()) and not callable(getattr(sys.modules[parent], last)):
        failures.append(f"{name} hides the function of the same name")
print("\\n".join(failures), end="")
"""


def test_every_module_can_be_imported_and_hides_no_function_of_its_own_name():
    assert run_python(EACH) == ""


QUIETLY = """
import os, random, sys
import numpy, torch
numpy.random.seed(1); torch.manual_seed(2); random.seed(3)
def state():
    return (
        str(numpy.random.get_state()), torch.get_rng_state().tolist(), random.getstate(), torch.get_num_threads(),
        torch.is_grad_enabled(), torch.get_default_dtype(), dict(os.environ), os.getcwd(), sorted(os.listdir(".")),
    )
before = state()
import small_dataset_audio.workflow, small_dataset_audio.corpus
for package in (small_dataset_audio.workflow, small_dataset_audio.corpus):
    for name in package.__all__:
        getattr(package, name)
assert state() == before
assert "matplotlib.pyplot" not in sys.modules, "pyplot keeps global figures and may look for a screen"
"""


def test_imports_print_nothing_write_nothing_and_leave_global_state_alone(tmp_path: Path):
    assert run_python(f"import os, sys; os.chdir(sys.argv[1])\n{QUIETLY}", tmp_path) == ""
    assert list(tmp_path.iterdir()) == []
