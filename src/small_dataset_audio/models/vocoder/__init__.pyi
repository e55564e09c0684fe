from .griffin_lim import GriffinLimVocoder as GriffinLimVocoder
from .mosaic import MosaicConfig as MosaicConfig
from .mosaic import MosaicVocoder as MosaicVocoder
from .protocol import Vocoder as Vocoder
