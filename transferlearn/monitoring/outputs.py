"""Describes what is watched of a model's outputs: the answers, how sure they are, and how wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from transferlearn.json_fields import Json

_MOST = 8  # outputs that are watched one by one; of a thousand classes, the answers are watched


@dataclass(frozen=True)
class OutputSignals:
    """Makes numbers to watch of a model's values, as its encoding means them.

    Attributes:
        names: The name of each column of the values.
        word: The word by which the reference knows the class.
    """

    word: ClassVar[str]
    names: tuple[str, ...]

    def watched(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the numbers to watch, float `(items,)` each, by name."""
        return {f"output {self.names[i]}": values[:, i] for i in range(min(len(self.names), _MOST))}

    def confidence(self, values: np.ndarray) -> np.ndarray | None:
        """The probability, in [0, 1], that each answer is right; `None`: nothing says it."""
        return None

    def answers(self, values: np.ndarray) -> np.ndarray | None:
        """The number of each item's answer, int `(items,)`; `None` where it is no number."""
        return None

    def errors(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Returns how wrong each item's answer is, float `(items,)`; 0 is right, NaN unknown."""
        return np.full(len(values), np.nan)

    def target(self, label: object) -> object:
        """Returns what `errors` takes for a label of JSON; `None` where it is no label."""
        return None

    def settings(self) -> Json:
        """Returns what `read` makes these signals of, as values that JSON can hold."""
        return {"word": self.word, "names": list(self.names)}


@dataclass(frozen=True)
class Unwatched(OutputSignals):
    """Watches nothing of outputs of which nothing is known; the items are watched all the same."""

    word: ClassVar[str] = "nothing"
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class OneClass(OutputSignals):
    """Watches probabilities of classes, of which each item has one."""

    word: ClassVar[str] = "one"

    def confidence(self, values: np.ndarray) -> np.ndarray:
        """Returns the probability of the likeliest class."""
        return values.max(axis=1)

    def answers(self, values: np.ndarray) -> np.ndarray:
        """Returns the number of the likeliest class."""
        return values.argmax(axis=1)

    def target(self, label: object) -> int | None:
        """Returns the number of a class by its name."""
        return self.names.index(label) if label in self.names else None

    def errors(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Returns 1 for a wrong class, by numbers of classes or shares of them."""
        truth = targets.argmax(axis=1) if targets.ndim > 1 else targets
        return (values.argmax(axis=1) != truth).astype(float)


@dataclass(frozen=True)
class AnyClasses(OutputSignals):
    """Watches probabilities of classes, of which each item has any number."""

    word: ClassVar[str] = "any"

    def watched(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the first outputs, and how many classes each item has."""
        return {**super().watched(values), "classes": (values >= 0.5).sum(axis=1).astype(float)}

    def confidence(self, values: np.ndarray) -> np.ndarray:
        """Returns the mean probability that a class is rightly there or not there."""
        return np.maximum(values, 1 - values).mean(axis=1)

    def target(self, label: object) -> list[int] | None:
        """Returns a row with a 1 for each class in a list of names."""
        if not isinstance(label, list) or not set(map(str, label)) <= set(self.names):
            return None
        return [int(name in label) for name in self.names]

    def errors(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Returns the share of classes that are wrongly there or not there."""
        return ((values >= 0.5) != (targets >= 0.5)).mean(axis=1)


@dataclass(frozen=True)
class Quantities(OutputSignals):
    """Watches numbers.

    Attributes:
        spread: The standard deviation of each number in the training data.
    """

    word: ClassVar[str] = "numbers"
    spread: tuple[float, ...] = ()

    def target(self, label: object) -> list[float] | None:
        """Returns a row of a number, a list of numbers, or numbers by name."""
        given = [label.get(name) for name in self.names] if isinstance(label, dict) else label
        row = given if isinstance(given, list) else [given]
        is_row = len(row) == len(self.names) and all(isinstance(x, (int, float)) for x in row)
        return list(map(float, row)) if is_row else None

    def errors(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Returns the mean absolute error of the known numbers, in units of the spread."""
        targets = np.asarray(targets, float).reshape(len(values), -1)
        wrong = np.abs(values - targets) / (np.array(self.spread) if self.spread else 1.0)
        known = np.isfinite(wrong)
        return np.where(known, wrong, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)

    def settings(self) -> Json:
        """Returns the names and the spread."""
        return {**super().settings(), "spread": list(self.spread)}


@dataclass(frozen=True)
class PixelShares(OutputSignals):
    """Watches which share of a photo's pixels each class has, not which pixels these are."""

    word: ClassVar[str] = "pixels"


@dataclass(frozen=True)
class TagShares(OutputSignals):
    """Watches how much of a text each tag of words has, not which words these are."""

    word: ClassVar[str] = "words"


@dataclass(frozen=True)
class Surprise(OutputSignals):
    """Watches how unlikely a model finds the tokens of texts: log2 of the perplexity.

    These are the texts that it reads, or those that it has written itself.
    """

    word: ClassVar[str] = "surprise"
    names: tuple[str, ...] = ("bits a token",)

    def watched(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the bits; nothing of what a server has written, which has no such number."""
        return super().watched(values) if values.shape[1] else {}


@dataclass(frozen=True)
class MeanColours(OutputSignals):
    """Watches how red, green and blue pictures are on the mean."""

    word: ClassVar[str] = "colours"
    names: tuple[str, ...] = ("red", "green", "blue")


@dataclass(frozen=True)
class ObjectCounts(OutputSignals):
    """Watches how many objects of each class photos show, and the best score of each photo.

    The last of the names is that of the score.
    """

    word: ClassVar[str] = "objects"

    def watched(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the counts of the first classes, the count of all objects, and the best score."""
        classes = list(zip(self.names[:-1], values.T, strict=False))[:_MOST]
        counts = {f"output {name}": count for name, count in classes}
        return {**counts, "objects": values[:, :-1].sum(axis=1), "best score": values[:, -1]}


def read_outputs(settings: Json) -> OutputSignals:
    """Makes the signals that gave these settings; those of one's own, once they are imported.

    Raises:
        KeyError, TypeError: The settings are no such thing.
    """
    makers = {maker.word: maker for maker in _subclasses(OutputSignals)}
    given = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in settings.items()
        if name != "word"
    }
    return makers[settings["word"]](**given)


def _subclasses(family: type[OutputSignals]) -> Iterator[type[OutputSignals]]:
    """Yields all classes below one, at any depth."""
    for found in family.__subclasses__():
        yield found
        yield from _subclasses(found)
