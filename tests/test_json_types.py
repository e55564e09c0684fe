from __future__ import annotations

import ast
from pathlib import Path

import small_dataset_audio
from tiny import run_python

SOURCES = sorted(Path(small_dataset_audio.__file__).parent.rglob("*.py"))

AT_ONCE = """
import dataclasses, sys, threading, types
import msgspec
from small_dataset_audio.json_types import read_from_json

sys.setswitchinterval(1e-6)
FIELDS = "".join(f"    field_{number}: 'int'\\n" for number in range(8))
DEFINED = f"import dataclasses\\n@dataclasses.dataclass\\nclass Inner:\\n{FIELDS}"
DEFINED += "@dataclasses.dataclass\\nclass Outer:\\n    inner: 'Inner'\\n"
data = msgspec.json.encode({"inner": {f"field_{number}": number for number in range(8)}})
for number in range(400):
    module = sys.modules[f"m{number}"] = types.ModuleType(f"m{number}")
    exec(DEFINED, module.__dict__)
    outer = read_from_json(module.Outer)
    barrier = threading.Barrier(4)
    def read():
        barrier.wait()
        assert msgspec.json.decode(data, type=outer).inner.field_7 == 7
    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


def test_threads_may_read_a_class_for_the_first_time_at_once():
    assert run_python(AT_ONCE) == ""  # without read_from_json it dies of a segmentation fault, each time it was tried


def readings(tree: ast.Module) -> list[ast.expr]:
    """What a module says that msgspec shall read: ``decode(..., type=X)``, ``convert(..., X)``, ``Decoder(X)``."""
    found: list[ast.expr] = []
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        found += [
            word.value for word in call.keywords if word.arg == "type" and name in {"decode", "convert", "Decoder"}
        ]
        found += call.args[1:2] if name == "convert" else call.args[:1] if name == "Decoder" else []
    return found


def homes_of_names(path: Path, tree: ast.Module) -> dict[str, str]:
    """Where each class that a module knows by name is defined: in it, or where it is imported from."""
    package = Path(small_dataset_audio.__file__).parent.parent
    here = ".".join(path.relative_to(package).with_suffix("").parts)
    homes = {node.name: f"{here}.{node.name}" for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            homes |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    return homes


def is_made_ready(node: ast.ClassDef) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "read_from_json" for each in node.decorator_list)


def test_every_class_that_is_read_from_json_is_made_ready_when_it_is_defined():
    read, ready = set(), set()
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        homes = homes_of_names(path, tree)
        if path.name != "json_types.py":
            names = [node.id for kind in readings(tree) for node in ast.walk(kind) if isinstance(node, ast.Name)]
            read |= {homes[name] for name in names if name in homes and homes[name].startswith("small_dataset_audio")}
        ready |= {homes[node.name] for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and is_made_ready(node)}
    assert read == ready
    assert {"small_dataset_audio.presets._Page", "small_dataset_audio.models.about._Page"} < read
    assert len(read) >= 8
