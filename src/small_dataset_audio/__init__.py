"""Learns a sound world from a musician's own recordings and makes new 48 kHz audio from it.

The public classes are imported on first use, so that ``import small_dataset_audio`` and ``sda --help`` stay instant.
"""

import lazy_loader as _lazy_loader

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
