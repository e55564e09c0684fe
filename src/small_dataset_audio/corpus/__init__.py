"""Floor 2: from a folder of recordings to checked 48 kHz clips, and what was done to each file."""

import lazy_loader as _lazy_loader

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
