"""Mosaic: a spectrogram rendered out of the corpus's own recordings.

For each frame of the target the corpus frames that resemble it are candidates, and so is whatever follows the candidates of
the frame before. The Viterbi algorithm (A. Viterbi, IEEE Trans. Inf. Theory 1967; for unit selection: A. Hunt and A. Black,
ICASSP 1996; for music: D. Schwarz, "Concatenative sound synthesis", 2006) finds the sequence with the least

    sum over frames of  distance(target frame, corpus frame)  +  jump_cost for each frame that does not continue the last

where the distance is the root mean square difference of 64 log10 bands (0.1 is 2 dB). Runs of consecutive frames are then
taken from the recordings and spliced (`corpus_source.py`). Voices are rendered one by one; of each bin of their spectra the
loudest is heard.

A small `jump_cost` follows the target closely in short pieces (new, more joins); a large one takes long pieces (old, fewer).

A walk that keeps to the recordings needs no search: see `corpus_path.py`. What has left them, such as the arc between two
latents, does.

In stereo (:meth:`MosaicVocoder.in_stereo`) the recordings' side goes along with their mid, which decides everything: the
stereo take is the mono take, at its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from small_dataset_audio.audio.blend import louder_of
from small_dataset_audio.audio.detuning import tolerable_cents
from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.models.neighbours import NeighbourIndex
from small_dataset_audio.models.vocoder.corpus_path import CorpusPath, place_in_corpus
from small_dataset_audio.models.vocoder.corpus_source import CorpusSource, Run, runs_of
from small_dataset_audio.models.vocoder.protocol import PlayingVocoder
from small_dataset_audio.models.walk import Walk

_NUM_BANDS = 64
_TARGETS_AT_ONCE = 256  # target frames whose neighbours are looked up at once


@dataclass(frozen=True)
class MosaicConfig:
    """How the corpus is searched and joined.

    Parameters
    ----------
    num_candidates : int
        Nearest corpus frames considered for each frame.
    jump_cost : float [log10 amplitude]
        Price of leaving a recording; 0.2 is a mismatch of 4 dB in all bands.
    join_hops : int
        Length of a crossfade in hops.
    """

    num_candidates: int = 24
    jump_cost: float = 0.2
    join_hops: int = 3

    def validate(self) -> None:
        """Raise :class:`InvalidConfigError` where a field is outside its range."""
        if not 1 <= self.num_candidates <= 1024:
            raise InvalidConfigError(f"num_candidates is {self.num_candidates}; it must be 1 to 1024")
        if not 0.0 <= self.jump_cost <= 100.0:
            raise InvalidConfigError(f"jump_cost is {self.jump_cost}; it must be 0 to 100")
        if not 1 <= self.join_hops <= 16:
            raise InvalidConfigError(f"join_hops is {self.join_hops}; it must be 1 to 16")


class MosaicVocoder:
    """Renders spectrograms out of corpus audio.

    Parameters
    ----------
    spectrogram : AudioSpectrogram
    clips : sequence of ndarray [shape=(samples,), float32, 48 kHz]
        The corpus audio.
    config : MosaicConfig, optional
    autoencode : callable, optional
        What the model makes of a log mel (shape kept). Targets come out of the autoencoder, blurred a little; frames that
        are looked up as *it* shows them are found again, where sharp ones would all be equally far away.
    sides : sequence of (ndarray [shape=(samples,), float32, 48 kHz] or None), optional
        (left - right) / 2 of each clip, None of one that is mono; without any, all are.

    Raises
    ------
    InvalidConfigError
        No clips, or a field of `config` outside its range.
    """

    name = "mosaic"

    def __init__(
        self,
        spectrogram: AudioSpectrogram,
        clips: Sequence[NDArray[np.float32]],
        config: MosaicConfig | None = None,
        *,
        autoencode: Callable[[Tensor], Tensor] | None = None,
        sides: Sequence[NDArray[np.float32] | None] = (),
    ) -> None:
        self._config = config or MosaicConfig()
        self._config.validate()
        if not clips:
            raise InvalidConfigError("clips is empty; the mosaic vocoder needs the corpus audio")
        self._spectrogram = spectrogram
        self._autoencode = autoencode
        self._hop = spectrogram.config.hop_length
        self._source = CorpusSource(clips, self._hop, self._config.join_hops, sides)
        self._cents_of: dict[int, float] = {}
        self._is_last = np.zeros(int(self._source.num_frames.sum()), dtype=bool)
        self._is_last[np.cumsum(self._source.num_frames) - 1] = True

    @cached_property
    def _features(self) -> NDArray[np.float32]:
        """Bands of every frame of the corpus. Found when first searched: a walk that is only played needs none."""
        clips = self._source.clips()
        return np.concatenate([_bands_of(self._spectrogram, clip, self._autoencode).numpy() for clip in clips])

    @cached_property
    def _index(self) -> NeighbourIndex:
        return NeighbourIndex(self._features)

    def _tolerable_cents(self, clip: int) -> float:
        """By how much a clip may be detuned; found once for each that is played."""
        if clip not in self._cents_of:
            self._cents_of[clip] = tolerable_cents(self._source.clip(clip))
        return self._cents_of[clip]

    def render(self, mel: Tensor, num_samples: int, generator: torch.Generator) -> NDArray[np.float32]:  # noqa: ARG002 - protocol; nothing is drawn here
        """Render one spectrogram; see :class:`~small_dataset_audio.models.vocoder.Vocoder`."""
        return self.sound(self.runs_to_render(mel), num_samples)

    @property
    def recordings(self) -> list[NDArray[np.float32]]:
        """The clips it plays [shape=(samples,) each]: views, so that who has a mosaic needs to keep no others."""
        return self._source.recordings()

    def place(self, walk: Walk, frames_per_step: int, match_db: float) -> CorpusPath:
        """Find where in the corpus a walk is; see :class:`~small_dataset_audio.models.vocoder.PlayingVocoder`."""
        return place_in_corpus(walk, self._source, self._hop, frames_per_step, match_db, self._tolerable_cents)

    def play(self, path: CorpusPath, first: int, last: int, num_samples: int) -> NDArray[np.float32]:
        """Play steps of a walk; see :class:`~small_dataset_audio.models.vocoder.PlayingVocoder`."""
        return self.play_path(path, first, last, num_samples)

    def in_stereo(self) -> PlayingVocoder:
        """Return the same with the recordings' stereo image; see :class:`~small_dataset_audio.models.vocoder.StereoVocoder`."""
        return _MosaicInStereo(self)

    def runs_to_render(self, mel: Tensor) -> list[list[Run]]:
        """Choose what each voice of a spectrogram plays."""
        return [runs_of(self.choose_frames(_bands(voice[0].T.cpu()))) for voice in mel]

    def sound(
        self, voices: Sequence[Sequence[Run]], num_samples: int, *, with_side: bool = False
    ) -> NDArray[np.float32]:
        """Splice voices and blend them [shape=(num_samples,), float32; with the side (2, num_samples): mid, side]."""
        spliced = [self._source.splice(runs, num_samples, with_side=with_side) for runs in voices]
        return louder_of(spliced, self._spectrogram.window)

    def play_path(
        self, path: CorpusPath, first: int, last: int, num_samples: int, *, with_side: bool = False
    ) -> NDArray[np.float32]:
        """Play the beginning of steps `first` to `last` [shape as :meth:`sound`]: voices with levels summed, others blended."""
        if path.levels is None:
            return self.sound(path.sounding_runs(first, last), num_samples, with_side=with_side)
        mixed = np.zeros((2, num_samples) if with_side else num_samples, dtype=np.float32)
        for voice in range(path.num_voices):
            if runs := path.runs(voice, first, last):
                envelope = path.envelope(voice, first, num_samples, path.frames_per_step * self._hop)
                mixed += envelope * self._source.splice(runs, num_samples, with_side=with_side)
        return mixed

    def choose_frames(self, target: Tensor) -> NDArray[np.int64]:
        """Find the cheapest sequence of corpus frames.

        Parameters
        ----------
        target : Tensor [shape=(frames, bands), log10 amplitude]

        Returns
        -------
        ndarray [shape=(frames,), int64, index of a corpus frame]
        """
        features = self._features
        jump_cost = self._config.jump_cost
        width = min(self._config.num_candidates, len(features))
        states = np.empty((len(target), 2 * width), dtype=np.int64)
        origins = np.zeros((len(target), 2 * width), dtype=np.int64)
        costs = np.zeros(2 * width)
        frame = 0
        for nearest, distances in self._nearest(target, width):
            for row in range(len(nearest)):
                if frame == 0:
                    states[0] = np.tile(nearest[row], 2)
                    costs = np.concatenate([distances[row], np.full(width, np.inf)])
                    frame += 1
                    continue
                best = int(costs.argmin())
                jump = costs[best] + jump_cost
                # The cheapest states of the frame before, each carried on by one frame.
                carried = np.argpartition(costs, width - 1)[:width]
                followers = states[frame - 1, carried]
                is_last = self._is_last[followers]
                followers = np.where(is_last, followers, followers + 1)
                follow_costs = np.where(is_last, np.inf, np.minimum(costs[carried], jump))
                follow_origins = np.where(costs[carried] > jump, best, carried)
                # A frame gone on to costs no more than the same frame jumped to: a place is held once, not twice.
                is_twin = (nearest[row][:, None] == np.where(is_last, -1, followers)).any(axis=1)
                jump_costs = np.where(is_twin, np.inf, jump)
                difference = features[followers] - target[frame].numpy()
                follow_distances = np.sqrt(np.mean(difference * difference, axis=1))
                states[frame, :width], states[frame, width:] = nearest[row], followers
                origins[frame, :width], origins[frame, width:] = best, follow_origins
                costs = np.concatenate([jump_costs + distances[row], follow_costs + follow_distances])
                costs -= costs.min()  # only differences count; keeps hours of audio within precision
                frame += 1
        return _backtrack(states, origins, int(costs.argmin()))

    def _nearest(self, target: Tensor, width: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Yield, block by block, the nearest corpus frames of each target frame and their distances."""
        for start in range(0, len(target), _TARGETS_AT_ONCE):
            indices, distances = self._index.query(target[start : start + _TARGETS_AT_ONCE].numpy(), width)
            yield indices, distances.astype(np.float64) / np.sqrt(target.shape[1])


class _MosaicInStereo:
    """A mosaic that gives mid and side; see :class:`~small_dataset_audio.models.vocoder.StereoVocoder`."""

    def __init__(self, mosaic: MosaicVocoder) -> None:
        self._mosaic = mosaic
        self.name = mosaic.name

    def render(self, mel: Tensor, num_samples: int, generator: torch.Generator) -> NDArray[np.float32]:  # noqa: ARG002 - protocol; nothing is drawn here
        return self._mosaic.sound(self._mosaic.runs_to_render(mel), num_samples, with_side=True)

    def place(self, walk: Walk, frames_per_step: int, match_db: float) -> CorpusPath:
        return self._mosaic.place(walk, frames_per_step, match_db)

    def play(self, path: CorpusPath, first: int, last: int, num_samples: int) -> NDArray[np.float32]:
        return self._mosaic.play_path(path, first, last, num_samples, with_side=True)


def _bands_of(
    spectrogram: AudioSpectrogram, padded: NDArray[np.float32], autoencode: Callable[[Tensor], Tensor] | None
) -> Tensor:
    mel = spectrogram.waveform_to_mel(torch.from_numpy(padded).to(spectrogram.window.device))
    if autoencode is not None:
        mel = autoencode(mel)
    return _bands(mel[0, 0].T[: len(padded) // spectrogram.config.hop_length].cpu())


def _bands(mel_frames: Tensor) -> Tensor:
    """Average neighbouring mel bands [shape=(frames, n_mels)] to about 64."""
    pooling = max(mel_frames.shape[1] // _NUM_BANDS, 1)
    return torch.nn.functional.avg_pool1d(mel_frames.unsqueeze(0), pooling)[0]


def _backtrack(states: NDArray[np.int64], origins: NDArray[np.int64], last: int) -> NDArray[np.int64]:
    path = np.empty(len(states), dtype=np.int64)
    state = last
    for frame in range(len(states) - 1, -1, -1):
        path[frame] = states[frame, state]
        state = int(origins[frame, state])
    return path
