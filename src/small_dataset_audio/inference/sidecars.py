"""Sidecars are read: data from anywhere, bounded and checked before anyone believes them."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from small_dataset_audio.errors import SidecarError
from small_dataset_audio.files import parse_json
from small_dataset_audio.inference.sidecar_content import SIDECAR_VERSION

_MAX_SIDECAR_BYTES: Final = 1 << 20
_REQUIRED: Final[Mapping[str, type]] = MappingProxyType(
    {"version": int, "model_name": str, "seed": int, "generation": dict}
)


def read_sidecar(path: Path) -> dict[str, Any]:
    """Read a sidecar and check what every one has; what else is in it is whatever somebody wrote there.

    Raises
    ------
    SidecarError
        Missing, over 1 MB, not strict JSON, of a newer version, or a key is missing.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a named pipe would wait for ever
            raise SidecarError(f"{path} cannot be read (no plain file); give the .json beside a take")
        with path.open("rb") as file:
            data = file.read(_MAX_SIDECAR_BYTES + 1)
        text = data.decode()
    except OSError as error:
        raise SidecarError(f"{path} cannot be read ({error.strerror}); give the .json beside a take") from error
    except UnicodeDecodeError as error:
        raise SidecarError(f"{path} is not UTF-8 text; give the .json beside a take") from error
    if len(data) > _MAX_SIDECAR_BYTES:
        raise SidecarError(f"{path} is over 1 MB, which no sidecar is; give the .json beside a take")
    values = parse_json(text, source=str(path))
    if not values.keys() & _REQUIRED.keys():
        raise SidecarError(f"{path} is no sidecar of a take; give the .json beside a take")
    for key, kind in _REQUIRED.items():
        if not isinstance(values.get(key), kind) or isinstance(values[key], bool):
            raise SidecarError(f"{path} has no usable {key!r}; give the .json beside a take")
    if values["version"] > SIDECAR_VERSION:
        raise SidecarError(f"{path} has sidecar version {min(values['version'], 10**9)}; upgrade this release")
    provenance = values.get("provenance", {})
    if not isinstance(provenance, dict) or not isinstance(provenance.get("environment", {}), dict):
        raise SidecarError(f"{path} has a damaged 'provenance'; give the .json beside a take")
    return values
