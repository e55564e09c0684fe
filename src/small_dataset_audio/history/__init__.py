"""What was made: one line for each take, with what its maker thinks of it. The user's data, and no index of anything."""

import lazy_loader as _lazy_loader

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
