"""Goes on with prompts by a fitted language model, at once or piece by piece."""

from collections.abc import Iterator
from typing import Any

from transferlearn.data import Corpus
from transferlearn.fitted.outputs import predicted
from transferlearn.fitted.trained import Trained
from transferlearn.tasks.language.answering import Writing


def generated(fitted: Trained, prompts: object, **options: object) -> Any:
    """Returns what is written behind one prompt, or a list of that for several."""
    return predicted(fitted, prompts, writing(fitted, **options), "skip")


def streamed(fitted: Trained, prompt: object, **options: object) -> Iterator[str]:
    """Yields what is written behind one prompt, in pieces that are whole characters."""
    writes = writing(fitted, **options)
    if not fitted.kind.is_one(prompt):
        raise ValueError("stream=True goes on with one prompt. Received several: call it for each.")
    if (one := fitted.kind.one(prompt)) is None:
        fitted.kind.unlabelled(prompt, on_error="raise")  # says what is wrong with it
        raise ValueError(f"{prompt!r:.60} is no prompt to go on with.")
    return (piece.text for (piece,) in writes.pieces(one.batch) if piece.text)


def writing(fitted: Trained, **options: object) -> Writing:
    """Returns what writes texts; refuses models of other tasks.

    Raises:
        TypeError: The model writes no texts.
    """
    found = fitted.answerer(**options) if isinstance(fitted.kind, Corpus) else None
    if not isinstance(found, Writing):
        raise TypeError(
            f"A model of {fitted.encoding.name} writes no texts: fitted.predict(...) answers items."
        )
    return found
