"""Ways to spoil a file: its bytes, its JSON, its safetensors header. Each is a pure function of a generator."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from typing import Any, Final

from faults.hostile import weights_bytes
from models.modelfiles import KEY

NUMBERS: Final = (
    *(0, -1, 1, 2, 3, 255, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30, 10**308),
    *(0.0, -0.0, 0.5, 1e-320, 1e-9, 1e9, 1e38, 1e39, 1e308, -1e308),
)
TEXTS: Final = (
    *("", " ", "x" * 2000, "\0", "a\nb", "\x1b[2J", "../x", "..\\x", "/etc/passwd", "C:\\x", "CON", "~root", "."),
    *(
        "\u202e",
        "\u2028",
        "🔔",
        "é" * 200,
        "NaN",
        "1",
        "true",
        "cpu",
        "2026-13-45",
        "0001-01-01T00:00:00",
        "%s{0}$HOME",
    ),
)
SPOILT_JSON: Final = (
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" * 400, "1" * 5000, "0x10", "01", "+1", ".5", "1.", "1e"),
    *(
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '"\\u0000"',
        '"\x01"',
        "'x'",
        '"',
        "[",
        "{",
        "]",
        "}",
        ",",
        "null null",
        "\ufeff",
    ),
    *("[" * 2000, '{"a":' * 2000, "[" * 100_000, "/* */", "undefined", "nan", "True", "-", '"\\x"'),
)
# A thousand copies of a list of a thousand are a case of 100 MB: making it would take the memory that is measured.
MAX_REPEATED_CHARACTERS: Final = 1_000_000
WORDS: Final = (0, 1, 0x7F, 0x80, 0xFF, 2**16, 2**31, 2**32 - 1, 2**63, 2**64 - 1)


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Flip, overwrite, cut, double, insert: one to four times."""
    spoilt = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(spoilt) + 1)
        match rng.randrange(7):
            case 0 if spoilt:
                spoilt[place % len(spoilt)] ^= 1 << rng.randrange(8)
            case 1 if spoilt:
                spoilt[place % len(spoilt)] = rng.randrange(256)
            case 2:
                spoilt[place : place + 8] = struct.pack("<Q", rng.choice(WORDS))
            case 3:
                del spoilt[place:]
            case 4:
                del spoilt[place : place + rng.randint(1, 64)]
            case 5:
                length = rng.randint(1, 64)
                spoilt[place:place] = spoilt[place : place + length]
            case 6:
                spoilt[place:place] = rng.randbytes(rng.randint(1, 64))
    return bytes(spoilt)


def mutate_json(value: Any, rng: random.Random) -> Any:
    """A copy with one to three places changed: another value, another type, a key more or less, values swapped."""
    copied = json.loads(json.dumps(value))
    for _ in range(rng.randint(1, 3)):
        places = list(_places(copied))
        if not places:
            return _any_value(rng)
        holder, key = rng.choice(places)
        match rng.randrange(6):
            case 0 | 1 | 2:
                holder[key] = _any_value(rng)
            case 3:
                del holder[key]
            case 4:
                other, its_key = rng.choice(places)
                # A value may not come to lie within itself.
                holder[key] = json.loads(json.dumps(other[its_key]))
            case 5 if isinstance(holder, dict):
                holder[rng.choice(TEXTS)] = _any_value(rng)
            case 5:
                text = json.dumps(holder[key])
                times = min(rng.choice((1, 10, 1000)), MAX_REPEATED_CHARACTERS // len(text))
                # Copies: a list that lies in a thousand places at once would grow in all of them.
                holder.extend(json.loads(text) for _ in range(times))
    return copied


def mutate_text(text: str, rng: random.Random) -> bytes:
    """Spoil JSON as text: tokens that are none, keys twice, text cut off, bytes that are no UTF-8."""
    place = rng.randrange(len(text) + 1)
    match rng.randrange(6):
        case 0 | 1:
            ends = [index + 1 for index, letter in enumerate(text) if letter in ":[,"]
            begin = rng.choice(ends) if ends else 0
            end = min((found for letter in ",]}" if (found := text.find(letter, begin)) >= 0), default=len(text))
            text = text[:begin] + rng.choice(SPOILT_JSON) + text[end:]
        case 2:
            text = text[:place]
        case 3:
            keys = [piece.rsplit('"', 2)[1] for piece in text.split('":')[:-1] if piece.count('"') >= 1]
            key = rng.choice(keys) if keys else "a"
            text = text.replace("{", f'{{"{key}": {json.dumps(_any_value(rng))}, ', 1)
        case 4:
            text = text[:place] + rng.choice(SPOILT_JSON) + text[place:]
        case 5:
            return (
                text[:place].encode()
                + rng.choice((b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\0"))
                + text[place:].encode()
            )
    return text.encode()


def mutate_weights(data: bytes, rng: random.Random, key: str = KEY) -> bytes:
    """Spoil a safetensors file in one of its layers: bytes, header, what it says of itself, numbers."""
    (length,) = struct.unpack("<Q", data[:8])
    header, numbers = json.loads(data[8 : 8 + length]), data[8 + length :]
    layer = rng.randrange(6)
    if layer == 0:
        return mutate_bytes(data, rng)
    if layer == 1:
        return weights_bytes(mutate_json(header, rng), numbers)
    if layer == 2:
        return weights_bytes(mutate_text(json.dumps(header), rng), numbers)
    if layer == 3:
        text = header["__metadata__"][key]
        spoil: tuple[Callable[[], str], ...] = (
            lambda: json.dumps(mutate_json(json.loads(text), rng)),
            lambda: mutate_text(text, rng).decode(errors="replace"),
        )
        header["__metadata__"][key] = rng.choice(spoil)()
        return weights_bytes(header, numbers)
    if layer == 4:
        name = rng.choice([name for name in header if name != "__metadata__"])
        header[name][rng.choice(("shape", "data_offsets"))] = [
            rng.choice(NUMBERS[:16]) for _ in range(rng.randint(0, 3))
        ]
        return weights_bytes(header, numbers)
    begin, end = header[rng.choice([name for name in header if name != "__metadata__"])]["data_offsets"]
    return weights_bytes(header, numbers[:begin] + _spoilt_numbers(numbers[begin:end], rng) + numbers[end:])


def _spoilt_numbers(numbers: bytes, rng: random.Random) -> bytes:
    spoilt = bytearray(numbers)
    place = rng.randrange(max(len(spoilt) // 8, 1)) * 8
    numbers_in_pairs = (float("nan"), float("inf"), -3e38, 1e-45, 3e38)
    words = [struct.pack("<ff", number, number) for number in numbers_in_pairs]
    words += [struct.pack("<q", index) for index in (-1, -(2**63), 2**63 - 1, 10, 11, 0)]
    word = rng.choice(words)
    spoilt[place : place + 8] = word
    return bytes(spoilt[: len(numbers)])


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value: what holds it, and under which key."""
    found: list[tuple[Any, Any]] = []
    pending = [value]
    while pending:
        holder = pending.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        for key in keys:
            found.append((holder, key))
            pending.append(holder[key])
    return found


def _any_value(rng: random.Random) -> Any:
    nested: Any = 1
    for _ in range(rng.choice((1, 50, 500))):
        nested = [nested] if rng.random() < 0.5 else {"a": nested}
    kinds = (rng.choice(NUMBERS), rng.choice(TEXTS), None, True, False, [], {}, nested, [rng.choice(NUMBERS)] * 200)
    return rng.choice((rng.choice(NUMBERS), rng.choice(TEXTS), *kinds))
