"""Floor 5: what the command line and the browser page both call. Long work is a generator of plain events."""

import lazy_loader as _lazy_loader

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
