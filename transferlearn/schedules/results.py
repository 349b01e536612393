"""What a phase of a training did."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class StoredPart:
    """What was computed once and stored for a phase.

    Attributes:
        cut: The operations up to which the network was computed.
        items: How many items there are, each augmented view counted.
        computed: How many of them were not stored already.
        nbytes: Bytes of what is stored of all items.
        where: `"memory"`, or the folder.
        saves: Share of the frozen part's operations that each epoch is spared, in [0, 1].
    """

    cut: str
    items: int
    computed: int
    nbytes: int
    where: str
    saves: float

    def __str__(self) -> str:
        new = f"{self.computed:,} of {self.items:,} items"
        found = new if self.computed else f"all {self.items:,} items found"
        return (
            f"computed once up to {self.cut}: {found}, {self.nbytes / 1e6:,.1f} MB in "
            f"{self.where}; saves {self.saves:.0%} of the frozen part's operations in each epoch"
        )


@dataclass(frozen=True, kw_only=True)
class SolvedHead:
    """How a head was solved.

    Attributes:
        items: Items that it was solved on.
        seen: Items that there were; more than `items` where those did not fit into memory.
        features: How many features an item has.
        score_name: What was cross-validated, such as `"r2"`.
        score: Its cross-validated value.
        strength: Of the L2 penalty, one for each output or one for all.
        items_again: Items that it was solved on once more for the end, those held out included;
            `None` where it was not.
    """

    items: int
    seen: int
    features: int
    score_name: str
    score: float
    strength: tuple[float, ...]
    items_again: int | None = None

    def __str__(self) -> str:
        some = f" of {self.seen:,}" if self.seen > self.items else ""
        again = self.items_again
        last = f"; on all {again:,} where it is not trained further" if again else ""
        return (
            f"solved on {self.items:,} items{some}, {self.features:,} features: cross-validated "
            f"{self.score_name} {self.score:.4f} with the L2 strength "
            f"{', '.join(f'{strength:g}' for strength in self.strength)}{last}"
        )


@dataclass(frozen=True, kw_only=True)
class PhaseResult:
    """What a phase did.

    Attributes:
        epochs: Epochs that were run (fewer than asked for where it was stopped).
        learning_rate: At its start, or at its highest with a warm-up.
        frozen_layers: Names of the backbone's layers that were frozen.
        trainable_parameters: How many parameters were trained, the head's included.
        seconds: How long it took.
        metrics: Of the weights that it ended with.
        stored: What was computed once; `None` where nothing was.
        not_stored: Why nothing was, in words.
        solved: How the head was solved; `None` where it took gradient steps.
        not_solved: Why it was not solved where that was asked for, in words.
        kept: Which epoch's weights were kept, and why, in words; empty where that was not asked
            for.
        kept_epoch: That epoch's number within the phase, from 1 on; 0: the weights from before it;
            `None`: those of the last.
    """

    epochs: int
    learning_rate: float
    frozen_layers: tuple[str, ...] = field(repr=False)
    trainable_parameters: int
    seconds: float
    metrics: dict[str, Any]
    stored: StoredPart | None = None
    not_stored: str = ""
    solved: SolvedHead | None = None
    not_solved: str = ""
    kept: str = ""
    kept_epoch: int | None = None
