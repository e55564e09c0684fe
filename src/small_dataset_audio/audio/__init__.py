"""Floor 1: audio in memory and on disk, filters, the mel spectrogram."""

import lazy_loader as _lazy_loader

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
