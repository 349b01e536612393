"""Trains a saved model anew on more labels, and keeps the old one where it is better."""

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from transferlearn.cli.command import CommandResult
from transferlearn.cli.messages import say

if TYPE_CHECKING:
    from transferlearn.fitted import FittedModel
    from transferlearn.tasks import Evaluation


@dataclass(frozen=True)
class Before:
    """Holds the model that a new one is to replace.

    Attributes:
        place: Its folder.
        validation: Photos that both models are judged on.
        evaluation: How the old model does on them.
    """

    place: Path
    validation: Path
    evaluation: "Evaluation"

    @classmethod
    def of(cls, options: Namespace) -> "Before":
        """Loads and judges the model of `--from`, and sets the options that it decides.

        Raises:
            ValueError: There is no `--validation`: photos that one of both was trained on would
                make it look better.
        """
        from transferlearn import load

        if options.validation is None:
            raise ValueError(
                "--from compares two models on photos that neither was trained on: add "
                "--validation photos/validation."
            )
        fitted = load(options.before)
        options.output = options.before
        options.backbone = fitted.outline.backbone
        options.weights = options.weights or ("pretrained" if fitted.kind.in_cells else "imagenet")
        size = fitted.kind.settings().get("image_size")
        options.image_size = options.image_size or (size and tuple(size))
        return cls(options.before, options.validation, fitted.evaluate(options.validation))

    def kept_instead(self, new: "FittedModel") -> CommandResult | None:
        """Compares both, and gives the outcome where the old model stays; else `None`.

        It gives way to a new model that is as good, since that has seen more.
        """
        old, found = self.evaluation, new.evaluate(self.validation)
        score = new.encoding.score.name
        test = new.encoding.scoring.compare(old, found)
        by = f": {test}" if test is not None else ""
        line = f"{score} on {self.validation}: {old[score]:.4f} before, {found[score]:.4f} now{by}."
        if found[score] >= old[score]:
            say(line)
            return None
        data = {"model": str(self.place), "replaced": False, score: [old[score], found[score]]}
        return CommandResult(data, f"{line}\nThe model in {self.place} is better, and stays.", 4)
