"""A decoding process with a bad decoder: the name of a file says what its decoder does. Started by the tests of row 18."""

from __future__ import annotations

import ctypes
import io
import os
import sys
import time
from pathlib import Path

import numpy as np

from small_dataset_audio.audio import decoder_process
from small_dataset_audio.audio.io import BlockSink, DecodedFacts, decode_blocks


def decode_badly(file: io.FileIO, sink: BlockSink, *, extension: str) -> DecodedFacts:
    what = Path(os.fsdecode(file.name)).stem
    if what.startswith("late"):
        sink(np.zeros((4800, 2), dtype=np.float32))
    if "segfault" in what:
        ctypes.string_at(0)
    elif "abort" in what:
        os.abort()
    elif "leave" in what:
        os._exit(3)
    elif "busy" in what:
        while True:
            pass
    elif "hang" in what:
        ctypes.PyDLL(None).sleep(1000) if "locked" in what else time.sleep(1000)
    elif "greedy" in what:
        _hoard = [np.ones(1 << 22) for _ in range(64)]  # 2 GB, should no limit stop it
    elif "slow" in what:
        time.sleep(0.3)
    elif "odd" in what:
        raise ValueError("odd\nnumber of things")
    elif "chatter" in what:
        os.write(1, b"chatter of a library" * 1000)
    elif "wide" in what:
        sink(np.zeros((4800, 3), dtype=np.float32))
        sink(np.zeros((4800, 2), dtype=np.float32))
    elif "huge" in what:
        sink(np.zeros((1 << 17, 1), dtype=np.float32))
    elif "nothing" in what:
        return DecodedFacts(48_000, "WAV", "PCM_16")
    return decode_blocks(file, sink, extension=extension)


if __name__ == "__main__":
    decoder_process.decode_blocks = decode_badly
    decoder_process.main(int(sys.argv[1]))
