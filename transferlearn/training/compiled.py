"""Describes how a network was frozen and compiled for one phase."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from transferlearn.assembling import Network
from transferlearn.schedules import Phase
from transferlearn.training.inputs import TrainingData
from transferlearn.wording import counted


@dataclass(frozen=True, kw_only=True)
class CompiledPhase:
    """Describes how a network was compiled for a phase, and whether its head will be solved.

    Attributes:
        network: The network, as it is trained in the phase.
        mask: For each layer of the backbone whether it is frozen.
        rate: The learning rate.
        solved: Whether the head will be solved.
        not_solved: Why it will not, though that was asked for; else empty.
    """

    network: Network
    mask: Sequence[bool]
    rate: float
    solved: bool
    not_solved: str

    @property
    def trainable_parameters(self) -> int:
        """Counts the parameters that are trained."""
        return sum(prod(weight.shape) for weight in self.network.model.trainable_weights)

    @property
    def frozen_layers(self) -> tuple[str, ...]:
        """The names of the backbone's frozen layers."""
        pairs = zip(self.network.layers, self.mask, strict=True)
        return tuple(layer.name for layer, frozen in pairs if frozen)

    def outline(self, phase: Phase, data: TrainingData) -> str:
        """Describes in words what the phase is about to do."""
        frozen = f"{sum(self.mask)} of the backbone's {len(self.mask)} layers frozen"
        if self.solved:
            changed = data.augmentation is not None or data.transform is not None
            how = "solved without augmentation" if changed else "solved"
            return f"{frozen}, the head {how}, {self.trainable_parameters:,} parameters"
        steps = (
            f"{counted(phase.epochs, 'epoch')}, {frozen}, {self.trainable_parameters:,} parameters "
            f"trained, learning rate {self.rate:g}"
        ) + (f", since {phase.reason}" if phase.reason else "")
        if not self.not_solved:
            return steps
        return f"{steps} (the head takes gradient steps, since {self.not_solved})"
