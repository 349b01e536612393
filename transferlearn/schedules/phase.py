"""Describes one phase of a training."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from transferlearn.checks import is_number, number, share, whole
from transferlearn.freezing import FreezeStrategy


def check_learning_rate(rate: object) -> None:
    """Refuses a learning rate that is neither a number above 0 nor `None`."""
    if rate is not None:
        hint = (
            " (a rate that changes goes into the optimizer, such as keras.optimizers.Adam(rates))"
        )
        number("learning_rate", rate, above=0, hint=hint)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Describes a span of training with one freezing, one optimizer and one learning rate.

    Attributes:
        freeze: The strategy that says which layers of the backbone are frozen.
        epochs: How many epochs the phase has at most.
        learning_rate: The highest rate; `None`: the builder's, or else the optimizer's own.
        fit: `"gradient"`: gradient steps are taken. `"solve"`: a head whose only weights are those
            of one Dense layer is solved, in one pass, where the backbone is frozen whole and the
            task can solve it; another head takes gradient steps for `epochs` epochs.
        warm_up: The share of the steps, in [0, 1), in which the rate rises in a straight line.
        decay: What the rate does after the warm-up: with `"constant"` it stays, with `"cosine"` it
            falls to 0 along half a wave. (With a warm-up of 0.3 this is the one-cycle rate.)
        layer_decay: The rate of a block over that of the next one towards the head, and of the last
            block over the head's: 1.0 for one rate everywhere, 0.65 to 0.95 in the literature. Or
            a mapping from names of blocks to factors of their rates; the other blocks have 1.
        weight_decay: The decoupled weight decay, as in AdamW: each step takes off each weight its
            product with this and the rate of its block. An optimizer object keeps its own.
        clip_norm: The most that the norm of all gradients together may be; larger ones are scaled
            down. `None`: they are taken as they are. An optimizer object keeps its own.
        trust_ratio: Whether the rate of each weight is multiplied by the root mean square that the
            weight has when the phase begins, so that `learning_rate` is the relative change of a
            step of Adam. (LAMB does this anew in each step.)
        augmented: Whether images are augmented, where the builder or the schedule asks for that.
        keep: Which weights the phase ends with. `"last"`: those of the last epoch. `"better"`: the
            same, unless those from before the phase are clearly better: their held-out score is
            higher by more than its standard error, or training ended with a loss that is more than
            0.1 above the one that the solved head had in cross-validation. `"best"`: those of the
            best epoch, or those from before the phase, by held-out score and then loss.
        patience: With `keep="best"`, the phase ends after this many epochs that were no better than
            the best; `None`: it runs all its epochs.
        reason: Why the schedule plans the phase, in words that are printed when it begins.

    Reference: [LAMB](https://arxiv.org/abs/1904.00962).
    """

    freeze: FreezeStrategy
    epochs: int
    learning_rate: float | None = None
    fit: Literal["gradient", "solve"] = "gradient"
    warm_up: float = 0.0
    decay: Literal["constant", "cosine"] = "constant"
    layer_decay: float | Mapping[str, float] = 1.0
    weight_decay: float | None = None
    clip_norm: float | None = None
    trust_ratio: bool = False
    augmented: bool = True
    keep: Literal["last", "better", "best"] = "last"
    patience: int | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.freeze, FreezeStrategy):
            raise TypeError(
                "A phase's freeze is a strategy, such as tl.freezing.FreezeAll(). "
                f"Received: freeze={self.freeze!r}"
            )
        check_learning_rate(self.learning_rate)
        whole("epochs", self.epochs, least=1)
        if self.fit not in ("gradient", "solve"):
            raise ValueError(f"fit is 'gradient' or 'solve'. Received: fit={self.fit!r}")
        if self.decay not in ("constant", "cosine"):
            raise ValueError(f"decay is 'constant' or 'cosine'. Received: decay={self.decay!r}")
        share("warm_up", self.warm_up)
        factors = self.layer_decay
        if not all(
            is_number(factor) and 0 <= factor < math.inf
            for factor in (factors.values() if isinstance(factors, Mapping) else [factors])
        ):
            raise ValueError(
                "layer_decay is a number of at least 0 such as 0.9, or goes from names of blocks "
                f"to such numbers. Received: layer_decay={factors!r}"
            )
        if self.weight_decay is not None:
            number("weight_decay", self.weight_decay)
        if self.clip_norm is not None:
            number("clip_norm", self.clip_norm, above=0)
        if self.keep not in ("last", "better", "best"):
            raise ValueError(f"keep is 'last', 'better' or 'best'. Received: keep={self.keep!r}")
        if self.patience is not None:
            whole("patience", self.patience, least=1)
            if self.keep != "best":
                raise ValueError(f"patience goes with keep='best'. Received: keep={self.keep!r}")
