"""Floor 2: the autoencoder, the vocoders, the latent density, and the folder that holds them."""

import lazy_loader as _lazy_loader

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
