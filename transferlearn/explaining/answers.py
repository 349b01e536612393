"""Says which answers of a model can be explained, and what speaks for each."""

from dataclasses import dataclass
from functools import singledispatch

import keras
import numpy as np

from transferlearn.data.targets.labels import one_hot
from transferlearn.fitted import FittedModel
from transferlearn.tasks import ClassEncoding, Encoding, NumberEncoding
from transferlearn.tasks.answering import values_of
from transferlearn.types import Tensor

_LEAST = 1e-37  # of probabilities, about the smallest that float32 holds to all its digits


@dataclass(frozen=True)
class Answers:
    """Names what can be explained of each item, by default one number each.

    Attributes:
        names: The names of the answers, in order.
    """

    names: tuple[str, ...]

    def leading(self, values: np.ndarray) -> np.ndarray:
        """Returns the number of the answer to explain, int64 `(rows,)`; by default the first."""
        return np.zeros(len(values), int)

    def evidence(self, outputs: Tensor, which: np.ndarray) -> Tensor:
        """Returns how much speaks for the answers `which`, one a row: `(rows,)`.

        By default this is the answer's own output. It must be made by `keras.ops`, since its
        gradient is taken.

        Args:
            outputs: The network's outputs, `(rows, units)`.
            which: The number of an answer for each row, int64 `(rows,)`.
        """
        return keras.ops.take_along_axis(outputs, which[:, None], axis=1)[:, 0]


@dataclass(frozen=True)
class ClassAnswers(Answers):
    """Explains classes by their log-odds.

    Attributes:
        activation: The activation of the network's outputs.
        several: Whether an item can have several classes.
    """

    activation: str
    several: bool

    def leading(self, values: np.ndarray) -> np.ndarray:
        """Returns the id of each row's likeliest class."""
        return np.asarray(values.argmax(axis=1))

    def evidence(self, outputs: Tensor, which: np.ndarray) -> Tensor:
        """Returns the log-odds of the classes `which`, in nats."""
        outputs = keras.ops.cast(outputs, "float32")
        logits = outputs
        if self.activation != "linear":
            logits = keras.ops.log(keras.ops.maximum(outputs, _LEAST))
        if self.activation == "sigmoid":
            logits -= keras.ops.log(keras.ops.maximum(1 - outputs, _LEAST))
        if outputs.shape[1] == 1:  # it speaks for the second class
            return logits[:, 0] * np.where(which, 1, -1).astype("float32")
        of_class = super().evidence(logits, which)
        if self.several or self.activation == "sigmoid":
            return of_class
        # Of the other probabilities alone: 1 minus a probability that rounds to 1 would be 0.
        chosen = one_hot(which, len(self.names))
        return of_class - keras.ops.logsumexp(logits - 1e9 * chosen, axis=1)


@singledispatch
def answers_of(encoding: Encoding) -> Answers | None:
    """Returns what can be explained of a model's answers; `None`, the default: nothing.

    Args:
        encoding: The encoding; register a function for the type of one's own.
    """
    return None


@answers_of.register
def _(encoding: ClassEncoding) -> ClassAnswers:
    """Explains classes."""
    return ClassAnswers(encoding.class_names, encoding.activation, encoding.several)


@answers_of.register
def _(encoding: NumberEncoding) -> Answers:
    """Explains numbers."""
    return Answers(encoding.names)


def answers_to_explain(
    fitted: FittedModel, outputs: np.ndarray, answer: str | None
) -> tuple[Answers, np.ndarray]:
    """Returns the answers of a model, and the number of that to explain of each row of outputs.

    Args:
        fitted: The model that gave the outputs.
        outputs: What its network gave, one row an item.
        answer: The name of a class or a number; `None`: what the model says of each item.

    Returns:
        The answers, and int64 `(rows,)`.

    Raises:
        ValueError: There is no such answer, or the task has none that could be explained.
    """
    encoding = fitted.encoding
    answers = answers_of(encoding)
    if answers is None:
        raise ValueError(
            f"A model of {encoding.name} has no answers to explain: register a function for "
            f"{type(encoding).__name__} with tl.explaining.answers_of.register."
        )
    names = answers.names
    if answer is None:
        return answers, answers.leading(values_of(encoding, outputs))
    if answer not in names:
        known = ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")
        raise ValueError(f"answer is one of {known}. Received: answer={answer!r}")
    return answers, np.full(len(outputs), names.index(answer))
