"""What a kit is called on disk: known to who makes one, and to who finds it."""

from __future__ import annotations

from typing import Final

KIT_VERSION: Final = 1
KIT_FILE: Final = "kit.json"
SAMPLES_FOLDER: Final = "samples"
