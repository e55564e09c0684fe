"""Mosaic: a spectrogram rendered out of the corpus's own recordings.

For each frame of the target the corpus frames that resemble it are candidates, and so is whatever follows the candidates of
the frame before. The Viterbi algorithm (A. Viterbi, IEEE Trans. Inf. Theory 1967; for unit selection: A. Hunt and A. Black,
ICASSP 1996; for music: D. Schwarz, "Concatenative sound synthesis", 2006) finds the sequence with the least

    sum over frames of  distance(target frame, corpus frame)  +  jump_cost for each frame that does not continue the last

where the distance is the root mean square difference of 64 log10 bands (0.1 is 2 dB). Runs of consecutive frames are then
taken from the recordings *in time*, with all their phases, transients and noise, and joined by crossfades: raised cosine,
phase-aligned by the cross-correlation of the two sides, and levelled by it so that the join neither dips nor bulges.

A small `jump_cost` follows the target closely in short pieces (new, more joins); a large one takes long pieces (old, fewer).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from small_dataset_audio.audio.joins import best_lag, level_crossfade
from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.errors import InvalidConfigError

_NUM_BANDS = 64
_MAX_TARGET_BLOCK = 256  # target frames whose distances are found at once
_DISTANCES_AT_ONCE = 2**24  # float32: 64 MB; for a large corpus the block of target frames gets smaller
_SILENT_FRAMES = 8  # before and after each clip: attacks are taken with the silence before them, and sounds can end


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


@dataclass(frozen=True)
class Run:
    """Consecutive corpus frames placed at consecutive target frames."""

    target_frame: int
    source_frame: int
    num_frames: int


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
    ) -> None:
        self._config = config or MosaicConfig()
        self._config.validate()
        if not clips:
            raise InvalidConfigError("clips is empty; the mosaic vocoder needs the corpus audio")
        self._hop = spectrogram.config.hop_length
        # All clips end to end, each between silence and padded to whole hops: frame f of the index is centred on
        # sample f * hop of the source.
        padded = [_pad(clip, self._hop) for clip in clips]
        self._source = np.concatenate(padded)
        self._features = torch.cat([_features(spectrogram, clip, autoencode) for clip in padded])
        self._squared_norms = self._features.square().sum(dim=1)
        self._is_last = np.zeros(len(self._features), dtype=bool)
        self._is_last[np.cumsum([len(clip) // self._hop for clip in padded]) - 1] = True

    def render(self, mel: Tensor, num_samples: int, generator: torch.Generator) -> NDArray[np.float32]:  # noqa: ARG002 - protocol; nothing is drawn here
        """Render one spectrogram; see :class:`~small_dataset_audio.models.vocoder.Vocoder`."""
        target = _bands(mel[0, 0].T.cpu())
        runs = list(_runs(self.choose_frames(target)))
        return self._join(runs, num_samples)

    def choose_frames(self, target: Tensor) -> NDArray[np.int64]:
        """Find the cheapest sequence of corpus frames.

        Parameters
        ----------
        target : Tensor [shape=(frames, bands), log10 amplitude]

        Returns
        -------
        ndarray [shape=(frames,), int64, index of a corpus frame]
        """
        features = self._features.numpy()
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
        block_frames = min(max(_DISTANCES_AT_ONCE // len(self._features), 1), _MAX_TARGET_BLOCK)
        for start in range(0, len(target), block_frames):
            block = target[start : start + block_frames]
            squared = block.square().sum(dim=1, keepdim=True) + self._squared_norms
            squared.addmm_(block, self._features.T, alpha=-2)
            values, indices = squared.topk(width, dim=1, largest=False)
            distances = (values.clamp_min(0.0) / target.shape[1]).sqrt()
            yield indices.numpy(), distances.double().numpy()

    def _join(self, runs: Sequence[Run], num_samples: int) -> NDArray[np.float32]:
        """Overlap-add the runs' own samples, crossfaded around the middle between the last frame and the next."""
        join = self._config.join_hops * self._hop
        reach = join // 2
        out = np.zeros(num_samples + join + self._hop, dtype=np.float32)
        written = 0  # samples of `out` that hold the runs so far, their last fade not yet applied
        for number, run in enumerate(runs):
            offset = run.source_frame * self._hop - run.target_frame * self._hop
            begin = max(run.target_frame * self._hop - self._hop // 2 - reach, 0) if number else 0
            end = min((run.target_frame + run.num_frames) * self._hop - self._hop // 2 + reach, len(out))
            if begin >= end:
                continue
            if number == 0:
                out[begin:end] = self._read(begin + offset, end - begin)
            else:
                overlap = min(written, end) - begin
                tail = out[begin : begin + overlap].copy()
                offset += self._best_lag(tail, begin + offset)
                piece = self._read(begin + offset, end - begin)
                out[begin:end][overlap:] = piece[overlap:]
                out[begin : begin + overlap] = level_crossfade(tail, piece[:overlap])
            written = end
        return out[:num_samples]

    def _best_lag(self, tail: NDArray[np.float32], position: int) -> int:
        """Shift of up to half a hop either way that aligns the incoming samples with the outgoing ones."""
        reach = self._hop // 2
        return best_lag(tail, self._read(position - reach, len(tail) + 2 * reach)) if len(tail) >= self._hop else 0

    def _read(self, position: int, num_samples: int) -> NDArray[np.float32]:
        """Copy source samples; zeros outside."""
        out = np.zeros(num_samples, dtype=np.float32)
        first, last = max(position, 0), min(position + num_samples, len(self._source))
        if first < last:
            out[first - position : last - position] = self._source[first:last]
        return out


def _pad(clip: NDArray[np.float32], hop: int) -> NDArray[np.float32]:
    before = _SILENT_FRAMES * hop
    return np.pad(clip, (before, before + -len(clip) % hop))


def _features(
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


def _runs(path: NDArray[np.int64]) -> Iterator[Run]:
    starts = np.flatnonzero(np.diff(path, prepend=path[0] - 2) != 1)
    ends = np.append(starts[1:], len(path))
    for start, end in zip(starts, ends, strict=True):
        yield Run(int(start), int(path[start]), int(end - start))
