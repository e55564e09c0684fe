"""Pictures: a take's waveform over its spectrogram, loss curves, an overview of a corpus, a map of what a model makes."""

import lazy_loader as _lazy_loader

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
