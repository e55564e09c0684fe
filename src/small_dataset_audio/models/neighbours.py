"""Nearest neighbours among the frames of a corpus: exact for minutes of audio, nearly so, and as quick, for hours.

Up to `NeighbourConfig.exact_points` every distance is computed, as one matrix product for a block of queries. Above, an
inverted file does it (J. Sivic and A. Zisserman, "Video Google", ICCV 2003; H. Jegou, M. Douze and C. Schmid, "Product
quantization for nearest neighbor search", IEEE TPAMI 2011): k-means puts the points into cells, and a query is compared with
the points of the few cells whose centres are nearest to it. The number of points looked at then hardly depends on how many
there are, and a few of the neighbours are missed. Cells are kept to a bounded size, so that one place where a corpus is dense
(the quiet between strokes) does not make its queries slow.

What is returned is ranked by distances computed from differences in either case; only *which* points are ranked comes out of
products, whose rounding would blur close neighbours. Where equals compete for the last place, which of them is returned is
not defined, but the same for the same call.

How to use it::

    index = NeighbourIndex(features)                        # (frames, bands), float32
    frames, distances = index.query(target, 24)             # target: (m, bands); a few hundred at a time, or all at once
    rms = distances / np.sqrt(features.shape[1])            # root mean square, where root of the sum is not what is wanted

To leave points out that lie near a query in time, ask for more than are needed and drop them: those of the nearest `k + e`
that are allowed hold the `k` nearest allowed, where at most `e` are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from small_dataset_audio.errors import InvalidConfigError

_GROUP = 32  # columns of distances whose least are compared first
_KEYS_AT_ONCE = 2**22  # float32: 16 MB, about what stays in a cache
_MIN_QUERIES_AT_ONCE = 64
_SPARE = 8  # candidates ranked beyond those asked for: rounding in the product may swap close ones
_TRAINING_POINTS_PER_CELL = 24
_TRAINING_ROUNDS = 5
_ASSIGNED_AT_ONCE = 4096


@dataclass(frozen=True)
class NeighbourConfig:
    """When and how the search is approximate.

    Parameters
    ----------
    exact_points : int
        Up to this number of points the search is exact.
    cell_points : int
        Average points in a cell; no cell holds more than twice as many.
    num_probes : int
        Cells looked into for a query, more where many neighbours are asked for.
    seed : int
        Of the points that k-means begins with: the same points always make the same index.
    """

    exact_points: int = 16_384
    cell_points: int = 512
    num_probes: int = 8
    seed: int = 0

    def validate(self) -> None:
        """Raise :class:`InvalidConfigError` where a field is outside its range."""
        for name, low, high in (
            ("exact_points", 0, 2**40),
            ("cell_points", 2, 2**20),
            ("num_probes", 1, 2**20),
            ("seed", 0, 2**63 - 1),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InvalidConfigError(f"{name} is {value}; it must be {low} to {high}")


class NeighbourIndex:
    """Finds the nearest of many points.

    Parameters
    ----------
    points : ndarray [shape=(n, dim), float32]
        Not kept; a rearranged copy is.
    config : NeighbourConfig, optional

    Raises
    ------
    InvalidConfigError
        No points, not a matrix, or a field of `config` outside its range.
    """

    def __init__(self, points: NDArray[np.float32], config: NeighbourConfig | None = None) -> None:
        config = config or NeighbourConfig()
        config.validate()
        if points.ndim != 2 or not points.size:
            raise InvalidConfigError(f"points has the shape {points.shape}; it must be (n, dim), both 1 or more")
        self._config = config
        # Distances stay as they are, and products round less, where the points lie around the origin.
        self._centre = points.mean(axis=0, dtype=np.float64).astype(np.float32)
        centred = torch.from_numpy(points - self._centre)
        self._order, self._bounds, centres = _cells(centred, config)
        self._sizes = self._bounds.diff()
        self._width = -(-int(self._sizes.max()) // _GROUP) * _GROUP
        self._centres = _as_table(centres)
        self._table = _as_table(centred[self._order])

    def __len__(self) -> int:
        return len(self._table)

    @property
    def is_exact(self) -> bool:
        """Whether every neighbour is found."""
        return len(self._centres) == 1

    def query(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Find the nearest points of each query.

        Parameters
        ----------
        queries : ndarray [shape=(m, dim), float32]
        k : int [1 to the number of points]

        Returns
        -------
        indices : ndarray [shape=(m, k), int64, nearest first]
        distances : ndarray [shape=(m, k), float32, root of the sum of squares, ascending]

        Raises
        ------
        InvalidConfigError
            `k` outside its range, or queries of another dimension.
        """
        dim = len(self._centre)
        if not 1 <= k <= len(self):
            raise InvalidConfigError(f"k is {k}; it must be 1 to the number of points, {len(self)}")
        if queries.ndim != 2 or queries.shape[1] != dim:
            raise InvalidConfigError(f"queries has the shape {queries.shape}; it must be (m, {dim})")
        centred = torch.from_numpy(queries - self._centre)
        count = min(k + _SPARE, len(self))
        probed, keys_per_query = self._probe(centred, count)
        indices = torch.empty(len(centred), k, dtype=torch.int64)
        distances = torch.empty(len(centred), k)
        at_once = max(_KEYS_AT_ONCE // keys_per_query, _MIN_QUERIES_AT_ONCE)
        # Queries of the same cells are looked up together: larger products, and each cell is read once.
        by_cell = probed[:, 0].sort(stable=True).indices if len(centred) > at_once else torch.arange(len(centred))
        for block in _blocks(by_cell, at_once):
            found = self._search(centred[block], probed[block], count)
            indices[block], distances[block] = self._rank(centred[block], found, k)
        return indices.numpy(), distances.numpy()

    def _probe(self, queries: Tensor, count: int) -> tuple[Tensor, int]:
        """Cells to look into for each query, nearest first, and the number of keys which that makes."""
        # Even if the smallest cells of all should be the ones probed, they hold enough points.
        enough = int((self._sizes.sort().values.cumsum(0) < count).sum()) + 1
        num_probes = min(max(self._config.num_probes, enough), len(self._sizes))
        probed = torch.empty(len(queries), num_probes, dtype=torch.int64)
        for rows in _blocks(torch.arange(len(queries)), _ASSIGNED_AT_ONCE):
            probed[rows] = _keys(queries[rows], self._centres).topk(num_probes, dim=1, largest=False).indices
        return probed, num_probes * self._width

    def _search(self, queries: Tensor, probed: Tensor, count: int) -> Tensor:
        """Rows of the table that are likely nearest [shape=(queries, count)], in any order."""
        num_queries, num_probes = probed.shape
        cells, order = probed.flatten().sort(stable=True)
        visitors = _with_ones(queries)[order // num_probes]
        keys = torch.empty(len(order), self._width)
        used, numbers = np.unique(cells.numpy(), return_counts=True)
        begin = 0
        for cell, number in zip(used.tolist(), numbers.tolist(), strict=True):
            first, last = int(self._bounds[cell]), int(self._bounds[cell + 1])
            block = keys[begin : begin + number]
            torch.mm(visitors[begin : begin + number], self._table[first:last].T, out=block[:, : last - first])
            block[:, last - first :] = torch.inf
            begin += number
        visits = torch.empty_like(order)  # which row of `keys` each query's probes are
        visits[order] = torch.arange(len(order))
        visit, place = _lowest(
            keys.view(len(keys), self._width // _GROUP, _GROUP), visits.view(num_queries, num_probes), count
        )
        return self._bounds[cells][visit] + place

    def _rank(self, queries: Tensor, found: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Order candidates by their true distances, equals by their index, and keep the first `k`."""
        indices, by_index = self._order[found].sort(dim=1)
        rows = self._table[found.gather(1, by_index)][..., :-1]
        distances = torch.add(queries[:, None], rows, alpha=0.5).square_().sum(dim=2).sqrt_()
        distances, ranks = distances.sort(dim=1, stable=True)
        return indices.gather(1, ranks[:, :k]), distances[:, :k]


def _as_table(points: Tensor) -> Tensor:
    """[-2 y, |y|^2]: its product with [x, 1] orders the points as their distances from x do."""
    return torch.cat([-2.0 * points, points.square().sum(dim=1, keepdim=True)], dim=1)


def _with_ones(queries: Tensor) -> Tensor:
    return torch.cat([queries, torch.ones(len(queries), 1)], dim=1)


def _keys(queries: Tensor, table: Tensor) -> Tensor:
    return torch.mm(_with_ones(queries), table.T)


def _blocks(rows: Tensor, rows_at_once: int) -> Iterator[Tensor]:
    for start in range(0, len(rows), rows_at_once):
        yield rows[start : start + rows_at_once]


def _lowest(keys: Tensor, visits: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Find the `count` lowest keys of each query, in any order; several times faster than ``topk`` on all of them.

    They lie in the `count` groups with the lowest minima: any other group holds nothing lower than these do.

    Parameters
    ----------
    keys : Tensor [shape=(visits, groups, group)]
    visits : Tensor [shape=(queries, probes), rows of `keys`]
    count : int

    Returns
    -------
    visit, place : Tensor [shape=(queries, count), a row of `keys` and the place in it]
    """
    num_groups = keys.shape[1]
    minima = keys.amin(dim=2)[visits].flatten(1)
    best = minima.topk(min(count, minima.shape[1]), dim=1, largest=False, sorted=False).indices
    visit, group = visits.gather(1, best // num_groups), best % num_groups
    candidates = keys.view(-1, _GROUP)[visit * num_groups + group].flatten(1)
    chosen = candidates.topk(count, dim=1, largest=False, sorted=False).indices
    which, rank = chosen // _GROUP, chosen % _GROUP
    return visit.gather(1, which), group.gather(1, which) * _GROUP + rank


def _cells(points: Tensor, config: NeighbourConfig) -> tuple[Tensor, Tensor, Tensor]:
    """Put the points into cells.

    Returns
    -------
    order : Tensor [shape=(n,), int64, the points cell by cell]
    bounds : Tensor [shape=(cells + 1,), int64, where in `order` each cell begins]
    centres : Tensor [shape=(cells, dim)]
    """
    if len(points) <= config.exact_points:
        return torch.arange(len(points)), torch.tensor([0, len(points)]), points.mean(dim=0, keepdim=True)
    num_cells = -(-len(points) // config.cell_points)
    assigned = _nearest_centre(points, _train_centres(points, num_cells, config.seed))
    order = assigned.sort(stable=True).indices
    ends = assigned.bincount(minlength=num_cells).cumsum(0)
    members = order.tensor_split(ends[:-1])
    cells = [part for cell in members if len(cell) for part in _split(points, cell, 2 * config.cell_points)]
    sizes = torch.tensor([0, *(len(cell) for cell in cells)])
    centres = torch.stack([points[cell].mean(dim=0) for cell in cells])
    return torch.cat(cells), sizes.cumsum(0), centres


def _train_centres(points: Tensor, num_cells: int, seed: int) -> Tensor:
    """k-means (S. Lloyd, IEEE Trans. Inf. Theory 1982) on a sample of the points."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(points), generator=generator)[: num_cells * _TRAINING_POINTS_PER_CELL]
    sample = points[chosen]
    centres = sample[:num_cells].clone()
    for _ in range(_TRAINING_ROUNDS):
        assigned = _nearest_centre(sample, centres)
        sizes = assigned.bincount(minlength=num_cells)
        sums = torch.zeros_like(centres).index_add_(0, assigned, sample)
        # A centre without points stays where it is: it may find some once its neighbours have moved.
        centres = torch.where(sizes[:, None] > 0, sums / sizes.clamp_min(1)[:, None], centres)
    return centres


def _nearest_centre(points: Tensor, centres: Tensor) -> Tensor:
    table = _as_table(centres)
    return torch.cat([_keys(block, table).argmin(dim=1) for block in _blocks(points, _ASSIGNED_AT_ONCE)])


def _split(points: Tensor, cell: Tensor, most: int) -> list[Tensor]:
    """Halve a cell, across the line from its centre to its farthest point, until no part holds more than `most`."""
    if len(cell) <= most:
        return [cell]
    inside = points[cell] - points[cell].mean(dim=0)
    farthest = inside[inside.square().sum(dim=1).argmax()]
    order = (inside @ farthest).sort(stable=True).indices
    halves = order.tensor_split(2)
    return [part for half in halves for part in _split(points, cell[half], most)]
