"""How takes stand to the corpus: similarity, coverage, and what is copied."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
