"""The library of models on this machine: find, list, rename, duplicate, delete and restore, export and import, describe."""

import lazy_loader as _lazy_loader

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
