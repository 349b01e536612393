"""Explains a model's answers in the way that fits the kind of its items."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from transferlearn.data import Images, Kind, Texts
from transferlearn.explaining.answers import answers_of
from transferlearn.explaining.heat_maps import heat_maps
from transferlearn.explaining.words import word_importances
from transferlearn.fitted import FittedModel

Explainer = Callable[..., Sequence[Any]]
"""Takes a fitted model, items and the name of an answer, and gives an explanation for each item."""


def explain(fitted: FittedModel, items: object, answer: str | None = None) -> Sequence[Any]:
    """Explains what a model says of items: images by heat maps, texts by words.

    Args:
        fitted: The model.
        items: Whatever `predict` takes.
        answer: The class or the number to explain; `None`: the class that the model says, or the
            first number.

    Returns:
        An explanation for each item, a `HeatMap` or `WordImportances`, which
        `tl.plotting.draw_explanation` draws.

    Raises:
        ValueError: There is no such answer, or this model cannot be explained.
        TypeError: Nothing is known that explains items of this kind.

    Example:
        for found in tl.explaining.explain(fitted, "photos/test/cat"):
            print(found.answer, found.values.max())
    """
    if answers_of(fitted.encoding) is None:
        raise ValueError(
            f"A model of {fitted.encoding.name} names no answers that could be explained: draw "
            "them beside the items, such as with fitted.show_results(items)."
        )
    return explainer(fitted.kind)(fitted, items, answer)


@functools.singledispatch
def explainer(kind: Kind) -> Explainer:
    """Returns the function that explains items of a kind; register one for a kind of your own.

    What it gives has `to_dict()` where a server is to send it.

    Example:
        @tl.explaining.explainer.register
        def _(kind: Spectra):
            return explain_spectra
    """
    raise TypeError(
        f"Nothing explains {kind.noun}s yet: register a function for {type(kind).__name__} with "
        "@tl.explaining.explainer.register."
    )


@explainer.register
def _(kind: Images) -> Explainer:
    return heat_maps


@explainer.register
def _(kind: Texts) -> Explainer:
    return word_importances


def has_explainer(kind: Kind) -> bool:
    """Returns whether something explains items of a kind."""
    return explainer.dispatch(type(kind)) is not explainer.dispatch(object)
