from .config import SpectrogramConfig as SpectrogramConfig
from .filters import apply_anti_alias_filter as apply_anti_alias_filter
from .io import DecodedAudio as DecodedAudio
from .io import check_audio as check_audio
from .io import read_audio as read_audio
from .io import resample as resample
from .spectrogram import AudioSpectrogram as AudioSpectrogram
