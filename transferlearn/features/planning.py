"""Chooses the place in a network whose output is stored, by the estimated time of a phase."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from transferlearn.folding import on_cpu
from transferlearn.splitting import Cut
from transferlearn.wording import counted

# Nominal speeds, not measured ones: they suffice, since cuts differ by factors of ten in what they
# save and hold, and on one machine the same job always makes the same choice. A core does 1.7e10
# floating-point operations of EfficientNetLite0 a second and some 5e10 of ResNet50: the lower one
# holds for networks of depthwise convolutions, whose few operations make the choice a close one.
_OPERATIONS_A_SECOND = {"cpu": 1.7e10 * (os.cpu_count() or 1), "gpu": 1e13}
_BYTES_A_SECOND = {"memory": 1.5e9, "disk": 4e8}  # written or read


class NotStoredError(Exception):
    """Explains why no features are stored, so that frozen layers run in each epoch."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Describes a place in the network whose output could be stored, and what storing it costs.

    Attributes:
        cut: The place in the network.
        item_bytes: The bytes of what crosses it for one item.
        missing: The number of items that are not in a store yet; each random view of one counts.
        place: Where their features would be read from; `None` if there is no room for them.
    """

    cut: Cut
    item_bytes: int
    missing: int
    place: Literal["memory", "disk"] | None


def choose(candidates: Sequence[Candidate], *, items: int, epochs: int, must: bool) -> Candidate:
    """Chooses the candidate that takes the least time.

    The time of a candidate is that of computing all features once and writing them, and in each
    epoch of reading them and computing the frozen layers behind the cut. What is stored by earlier
    trainings is not asked: another cut rounds otherwise, and a seed must always give the same
    weights.

    Args:
        candidates: Cuts in the order of the network; the last one is where the frozen part ends.
        items: The number of items read in an epoch, those to validate on included.
        epochs: How many epochs there will be.
        must: Whether to store even if that takes longer.

    Raises:
        NotStoredError: Storing saves no time, or there is no room for the features.
    """
    last = candidates[-1].cut.operations
    speed = _OPERATIONS_A_SECOND["cpu" if on_cpu() else "gpu"]

    def seconds(candidate: Candidate) -> float:
        """Estimates how long a phase takes if this candidate is stored."""
        done = candidate.cut.operations
        rate = _BYTES_A_SECOND[candidate.place or "disk"]
        computed = items * (done + epochs * (last - done))
        moved = items * (1 + epochs) * candidate.item_bytes
        return computed / speed + moved / rate

    best = min((c for c in candidates if c.place), key=seconds, default=None)
    if best is None:
        smallest = min(c.missing * c.item_bytes for c in candidates) / 1e6
        raise NotStoredError(
            f"it takes {smallest:,.1f} MB, more than there is room for in memory or on disk "
            "(tl.Cache(memory=..., disk=...) sets the limits)"
        )
    if not must and seconds(best) >= epochs * items * last / speed:
        raise NotStoredError(f"storing would save no time in {counted(epochs, 'epoch')}")
    return best


def storable(cuts: Sequence[Cut], *, any_head: bool) -> list[Cut]:
    """Lists the cuts in the backbone and, unless `any_head`, the one after the head's pooling."""
    found = [cut for cut in cuts if cut.operations and not cut.in_head]
    in_head = [cut for cut in cuts if cut.in_head]
    # What the head does before its first weights may halve the bytes, or leave a hundredth of them.
    if found and in_head and not any_head and 2 * in_head[-1].values <= found[-1].values:
        found.append(in_head[-1])
    return found
