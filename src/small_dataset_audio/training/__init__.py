"""Floor 3: clips to crops, the training loop, checkpoints."""

import lazy_loader as _lazy_loader

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
