"""Describes what a phase of a training did: its results, stored features and solved head."""

from dataclasses import dataclass, field
from typing import Self

from transferlearn.json_fields import Json
from transferlearn.wording import counted

WITHIN_GROUP = "within the only group, so items of other groups may well be worse"


@dataclass(frozen=True, kw_only=True)
class StoredPart:
    """Describes the features that were computed once and stored for a phase.

    Attributes:
        cut: The names of the operations up to which the network was computed, these included.
        items: How many items there are, each augmented view counted.
        computed: How many of these items were not in the store already, and had to be computed.
        nbytes: The size of the stored features of all items, in bytes.
        where: The place of the store: `"memory"`, or the path of its folder.
        saves: The share of the frozen part's operations that each epoch is spared, in [0, 1].
        layers: The names of the backbone's layers before the cut; empty in saves that do not tell.
        described: What is stored of which items, in words; empty in such saves.
        seconds: How long computing them took, once graphs were compiled; 0 where that is not known.
    """

    cut: str
    items: int
    computed: int
    nbytes: int
    where: str
    saves: float
    layers: tuple[str, ...] = field(default=(), repr=False)  # there can be hundreds
    described: str = ""
    seconds: float = field(default=0.0, repr=False, compare=False)

    def __str__(self) -> str:
        what = self.described or counted(self.items, "item")
        new = f"{self.computed:,} of {self.items:,} items are new"
        some = f" ({new if self.computed else f'all {self.items:,} items found'})"
        found = what if self.computed == self.items else what + some
        return (
            f"computed once up to {self.cut}: {found}, {self.nbytes / 1e6:,.1f} MB in "
            f"{self.where}; saves {self.saves:.0%} of the frozen part's operations in each epoch"
        )


@dataclass(frozen=True, kw_only=True)
class SolvedHead:
    """Describes how a head was solved: on how many items, with which strength and score.

    Attributes:
        items: How many items the head was solved on.
        seen: How many items there were; more than `items` where they did not all fit into memory.
        features: How many features each item has.
        score_name: The name of the score that was cross-validated, such as `"r2"`.
        score: The cross-validated value of that score.
        loss: The cross-validated loss, without the penalty.
        interval: The ends of the 95% interval of `score`.
        strength: The strength of the L2 penalty, one for each output or one for all.
        items_again: How many items the head was solved on once more at the end, those held out
            included; `None` where it was not.
        mirrored_loss: The loss of up to 200 images that it was solved on, once they are mirrored;
            `None` where that was not asked for.
        surer_if_right: How often, in the cross-validation, the head was surer of an item that it
            was right about than of one that it was wrong about, in [0, 1]; `None`: not known.
        within_group: Whether all items are of one group, so that the folds had to part it.
        unit: What the items are: `"item"`, or `"token"` where each token has an answer.
        seconds: How long it took to read the items and to solve the head on them; 0: not known.
    """

    items: int
    seen: int
    features: int
    score_name: str
    score: float
    loss: float
    interval: tuple[float, float]
    strength: tuple[float, ...]
    items_again: int | None = None
    mirrored_loss: float | None = None
    surer_if_right: float | None = None
    within_group: bool = False
    unit: str = "item"
    seconds: float = field(default=0.0, repr=False, compare=False)

    @property
    def knows_mirrored(self) -> bool:
        """Returns whether mirrored images are known at least as well as images not seen before."""
        return self.mirrored_loss is None or self.mirrored_loss <= self.loss

    def __str__(self) -> str:
        some = f" of {self.seen:,}" if self.seen > self.items else ""
        again = self.items_again
        low, high = self.interval
        last = f"; solved again on all {again:,} if it is not trained further" if again else ""
        if self.mirrored_loss is not None:
            done = "half of the views are" if self.knows_mirrored else "no image is"
            last += (
                f"; {done} mirrored in training, since mirrored images have a loss of "
                f"{self.mirrored_loss:.3f}, and new ones {self.loss:.3f}"
            )
        alike = ""
        if self.score_name == "balanced_accuracy":
            alike = ", which counts all classes alike since they differ much in size"
            if self.unit == "item":  # tokens have no weights
                alike += ': with class_weight="balanced" they count alike in training, too'
        within = f", {WITHIN_GROUP}" if self.within_group else ""
        strengths = ", ".join(f"{strength:g}" for strength in self.strength)
        return (
            f"solved on {counted(self.items, self.unit)}{some}, {self.features:,} features: "
            f"cross-validated {self.score_name} {self.score:.4f} (95%: {low:.4f} to {high:.4f}) "
            f"with the L2 strength {strengths}{alike}{within}{last}"
        )


@dataclass(frozen=True, kw_only=True)
class PhaseResult:
    """Describes what a phase did: epochs, rate, frozen layers, metrics, and what was kept.

    Attributes:
        epochs: How many epochs were run (fewer than asked for where the phase was stopped).
        learning_rate: The rate at the start of the phase, or with a warm-up the highest.
        frozen_layers: The names of the backbone's layers that were frozen.
        trainable_parameters: How many parameters were trained, the head's included.
        seconds: How long the phase took.
        metrics: The metrics of the weights that the phase ended with.
        stored: The features that were computed once and stored; `None` where there were none.
        not_stored: The reason why nothing was stored, in words.
        solved: How the head was solved; `None` where it took gradient steps.
        not_solved: The reason why the head was not solved although that was asked for, in words.
        kept: The epoch whose weights were kept, and why, in words; empty where no choice was asked
            for.
        kept_epoch: The number of that epoch within the phase, from 1 on; 0: the weights from before
            the phase were kept; `None`: those of the last epoch were.
        left_out: What a time limit left out of this phase and of those after it, in words; empty
            where it left out nothing.
    """

    epochs: int
    learning_rate: float
    frozen_layers: tuple[str, ...] = field(repr=False)  # there can be hundreds
    trainable_parameters: int
    seconds: float
    metrics: Json
    stored: StoredPart | None = None
    not_stored: str = ""
    solved: SolvedHead | None = None
    not_solved: str = ""
    kept: str = ""
    kept_epoch: int | None = None
    left_out: str = ""

    @classmethod
    def read(cls, saved: Json) -> Self:
        """Makes the result of what `dataclasses.asdict` gave and JSON has held since.

        Raises:
            KeyError, TypeError, AttributeError: It is not what `asdict` gave.
        """
        stored, solved = saved["stored"], saved["solved"]
        parts = {
            "frozen_layers": tuple(saved["frozen_layers"]),
            "stored": stored and StoredPart(**_with_tuples(stored)),
            "solved": solved and SolvedHead(**_with_tuples(solved)),
        }
        return cls(**{**saved, **parts})


def _with_tuples(saved: Json) -> Json:
    """Returns the same fields with tuples, which JSON turns into lists."""
    return {name: tuple(x) if isinstance(x, list) else x for name, x in saved.items()}
