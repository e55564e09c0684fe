"""Floor 3: from a model to a take: chunks, stereo, quality, export. Importing the configuration loads no torch."""

import lazy_loader as _lazy_loader

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
