"""Finds the words of a text that speak for an answer, by leaving them out one at a time."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from transferlearn.data.iterating import without_retracing_advice
from transferlearn.data.messages import DataWarning
from transferlearn.explaining.answers import answers_to_explain
from transferlearn.fitted import FittedModel
from transferlearn.json_fields import Json
from transferlearn.tasks.answering import of_items_alone

# Chinese, Japanese and Thai are written without spaces: each of their letters counts as a word.
_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
_MOST = 512  # words of a text; each takes a prediction


@dataclass(frozen=True, kw_only=True, eq=False)
class WordImportances:
    """Describes how much each word of a text speaks for an answer.

    Attributes:
        answer: The class or the number that is explained.
        score: The log-odds of the class (in nats) or the number, for the whole text.
        words: The words, in order.
        values: By how much the score falls if the word is left out, float32 `(words,)`; below 0
            where the word speaks against the answer.
    """

    answer: str
    score: float
    words: tuple[str, ...]
    values: np.ndarray

    def to_dict(self) -> Json:
        """Returns the answer, the score, the words and their values, as JSON can hold them."""
        values = [float(f"{value:.4g}") for value in self.values]
        return {"answer": self.answer, "score": self.score, "words": self.words, "values": values}


def word_importances(
    fitted: FittedModel, texts: object, answer: str | None = None
) -> list[WordImportances]:
    """Explains what a model says of texts by the words that speak for it.

    The way is occlusion: each word is left out once, and the model reads the rest of the text. So
    two words that say the same count for little, since the other one is still there. At most the
    first 512 words of a text are tried.

    Args:
        fitted: A model of texts.
        texts: A text, a list of texts, or a `Path` of a `.txt` file.
        answer: The class or the number to explain; `None`: the class that the model says, or the
            first number.

    Raises:
        ValueError: There is no such answer.
        OSError: There is no such file.

    Example:
        found = tl.explaining.word_importances(fitted, "a dull film with a great cast")[0]
        dict(zip(found.words, found.values))
    """
    return [_of_text(fitted, text, answer) for text in _strings(texts)]


def _strings(texts: Any) -> list[str]:
    """Returns texts as strings; a `Path` is read."""
    single = isinstance(texts, (str, Path))
    items: Sequence[object] = [texts] if single else list(texts)
    return [one.read_text("utf-8") if isinstance(one, Path) else str(one) for one in items]


def _of_text(fitted: FittedModel, text: str, answer: str | None) -> WordImportances:
    """Explains what the model says of one text."""
    places = list(_WORD.finditer(text))[:_MOST]
    without = [text[: place.start()] + text[place.end() :] for place in places]
    outputs = _outputs(fitted, [text, *without])
    answers, (chosen,) = answers_to_explain(fitted, outputs[:1], answer)
    which = np.repeat(chosen, len(outputs))
    scores = keras.ops.convert_to_numpy(answers.evidence(outputs, which))
    return WordImportances(
        answer=answers.names[chosen],
        score=float(scores[0]),
        words=tuple(place.group() for place in places),
        values=scores[0] - scores[1:],
    )


@without_retracing_advice()
def _outputs(fitted: FittedModel, texts: list[str]) -> np.ndarray:
    """Returns the network's outputs for texts, one row each."""
    with warnings.catch_warnings():
        # The same text again and again: that it is long, or empty without its word, is no news.
        warnings.simplefilter("ignore", DataWarning)
        dataset = fitted.kind.unlabelled(texts)
    model = of_items_alone(fitted.model, fitted.encoding)
    outputs = dataset.run(model, batch_size=fitted.outline.batch_size)
    return dataset.of_items(np.asarray(outputs))
