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


def read_types(tree: ast.Module) -> set[str]:
    """Names of the classes that a module lets msgspec read."""
    found = set()
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        kinds = [word.value for word in call.keywords if word.arg == "type"] if call.func.attr == "decode" else []
        if call.func.attr == "convert":
            kinds = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "type")]
        found |= {kind.id for kind in kinds if isinstance(kind, ast.Name)}
    return found


def test_every_class_that_is_read_from_json_is_made_ready_when_it_is_defined():
    read, ready = set(), set()
    for tree in (ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES):
        read |= read_types(tree)
        classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        ready |= {
            node.name
            for node in classes
            if any(isinstance(each, ast.Name) and each.id == "read_from_json" for each in node.decorator_list)
        }
    assert read == ready
    assert {"Job", "JobStatus", "ModelMetadata", "DecodedFacts"} <= read
