"""Names of audio formats: their extensions, and the first bytes by which content is told apart."""

from __future__ import annotations

from typing import Final

READABLE_FORMATS: Final = "WAV, AIFF, FLAC, OGG (Vorbis, Opus), MP3, CAF, AU, W64 and RF64"
"""For messages: what a user is most likely to be able to export."""

_WAVE_EXTENSIONS: Final = frozenset({".wav", ".wave", ".bwf", ".rf64"})
_EXTENSIONS_OF: Final = {
    "WAV": _WAVE_EXTENSIONS,
    "WAVEX": _WAVE_EXTENSIONS,
    "RF64": _WAVE_EXTENSIONS,
    "W64": frozenset({".w64"}),
    "AIFF": frozenset({".aif", ".aiff", ".aifc"}),
    "FLAC": frozenset({".flac"}),
    "OGG": frozenset({".ogg", ".oga", ".opus", ".spx"}),
    "MP3": frozenset({".mp3", ".mp2", ".mp1", ".mpa", ".mpga"}),
    "CAF": frozenset({".caf"}),
    "AU": frozenset({".au", ".snd"}),
    "VOC": frozenset({".voc"}),
    "SVX": frozenset({".svx", ".8svx", ".iff"}),
    "NIST": frozenset({".nist", ".sph"}),
    "IRCAM": frozenset({".ircam", ".sf"}),
    "AVR": frozenset({".avr"}),
    "PAF": frozenset({".paf"}),
    "PVF": frozenset({".pvf"}),
    "SDS": frozenset({".sds"}),
    "XI": frozenset({".xi"}),
}
_LOSSY_WITHOUT_DECODER: Final = {".m4a", ".m4b", ".mp4", ".aac", ".wma", ".mpc", ".amr", ".3gp", ".ra", ".ram"}
_LOSSLESS_WITHOUT_DECODER: Final = {".alac", ".ape", ".wv", ".tta", ".dsf", ".dff"}
_VIDEO_SOUND_WITHOUT_DECODER: Final = {".ac3", ".eac3", ".dts", ".mka", ".webm", ".weba"}

UNREADABLE_EXTENSIONS: Final = frozenset(
    _LOSSY_WITHOUT_DECODER | _LOSSLESS_WITHOUT_DECODER | _VIDEO_SOUND_WITHOUT_DECODER
)
"""Of formats without a decoder here. Content still decides: an .mp4 that is a FLAC is read."""

AUDIO_EXTENSIONS: Final = UNREADABLE_EXTENSIONS.union(*_EXTENSIONS_OF.values())
"""Whoever has one of these claims to be audio, and is named in a report even where it is not."""

MAGIC_READABLE: Final = (
    (b"fLaC", "FLAC"),
    (b"OggS", "OGG"),
    (b"caff", "CAF"),
    (b".snd", "AU"),
    (b"dns.", "AU"),
    (b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00", "W64"),
    (b"Creative Voice File", "VOC"),
    (b"NIST_1A", "NIST"),
)
MAGIC_CHUNKED: Final = {
    (b"RIFF", b"WAVE"): "WAV",
    (b"RIFX", b"WAVE"): "WAV",
    (b"RF64", b"WAVE"): "RF64",
    (b"FORM", b"AIFF"): "AIFF",
    (b"FORM", b"AIFC"): "AIFF",
    (b"FORM", b"8SVX"): "SVX",
    (b"FORM", b"16SV"): "SVX",
}
MAGIC_UNREADABLE: Final = (
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA"),
    (b"\x1a\x45\xdf\xa3", "Matroska or WebM"),
    (b"MAC ", "Monkey's Audio"),
    (b"wvPk", "WavPack"),
    (b"TTA1", "True Audio"),
    (b"MPCK", "Musepack"),
    (b"MP+", "Musepack"),
    (b"DSD ", "DSD"),
    (b"FRM8", "DSD"),
    (b"#!AMR", "AMR"),
    (b"ADIF", "AAC"),
    (b".RMF", "RealAudio"),
    (b"\x0b\x77", "AC-3"),
    (b"\x7f\xfe\x80\x01", "DTS"),
    (b"BW64", "BW64"),
)


def extension_contradicts(extension: str, container: str) -> bool:
    """Tell whether a file's `extension` (lower case, with its dot, or empty) is not one of its content's own."""
    return extension not in _EXTENSIONS_OF.get(container, {extension})
