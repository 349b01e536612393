"""Draws pictures of trainings, evaluations and explanations; all of them are Matplotlib figures.

Each function draws into the `ax` or `axes` that it is given, or else into a new figure, and gives
the figure. Figures are transparent, and their colours are readable on white and on black.
"""

import importlib
from typing import TYPE_CHECKING, Any

from transferlearn.extras import install_line
from transferlearn.plotting.canvas import write_figure as write_figure

if TYPE_CHECKING:
    from transferlearn.plotting.block_states import phases as phases
    from transferlearn.plotting.boxes import precision_by_recall as precision_by_recall
    from transferlearn.plotting.boxes import show_boxes as show_boxes
    from transferlearn.plotting.canvas import INK as INK
    from transferlearn.plotting.classes import confusion as confusion
    from transferlearn.plotting.classes import reliability as reliability
    from transferlearn.plotting.curves import training_curves as training_curves
    from transferlearn.plotting.evaluations import feature_map as feature_map
    from transferlearn.plotting.evaluations import mistakes as mistakes
    from transferlearn.plotting.evaluations import pictures as pictures
    from transferlearn.plotting.explained import draw_explanation as draw_explanation
    from transferlearn.plotting.explained import explanations as explanations
    from transferlearn.plotting.items import draw_item as draw_item
    from transferlearn.plotting.items import draw_targets as draw_targets
    from transferlearn.plotting.items import heard as heard
    from transferlearn.plotting.items import show_batch as show_batch
    from transferlearn.plotting.labels import label as label
    from transferlearn.plotting.masks import overlaps as overlaps
    from transferlearn.plotting.masks import show_masks as show_masks
    from transferlearn.plotting.mistaken_items import pictures_of_items as pictures_of_items
    from transferlearn.plotting.mistaken_items import show_mistakes as show_mistakes
    from transferlearn.plotting.mistaken_items import show_pairs as show_pairs
    from transferlearn.plotting.numbers import predicted_and_true as predicted_and_true
    from transferlearn.plotting.picture_rows import show_pictures as show_pictures
    from transferlearn.plotting.picture_rows import similarities as similarities
    from transferlearn.plotting.ranking import precision_recall as precision_recall
    from transferlearn.plotting.ranking import roc as roc
    from transferlearn.plotting.results import draw_results as draw_results
    from transferlearn.plotting.results import show_results as show_results
    from transferlearn.plotting.target_words import targets_in_words as targets_in_words
    from transferlearn.plotting.timelines import show_windows as show_windows

# No module has the name of a function: the package would give the module once it is imported.
_NAMES = {
    "INK": "canvas",
    "confusion": "classes",
    "draw_explanation": "explained",
    "draw_item": "items",
    "draw_results": "results",
    "draw_targets": "items",
    "explanations": "explained",
    "feature_map": "evaluations",
    "heard": "items",
    "label": "labels",
    "mistakes": "evaluations",
    "overlaps": "masks",
    "phases": "block_states",
    "pictures": "evaluations",
    "pictures_of_items": "mistaken_items",
    "precision_by_recall": "boxes",
    "precision_recall": "ranking",
    "predicted_and_true": "numbers",
    "reliability": "classes",
    "roc": "ranking",
    "show_batch": "items",
    "show_boxes": "boxes",
    "show_masks": "masks",
    "show_mistakes": "mistaken_items",
    "show_pairs": "mistaken_items",
    "show_pictures": "picture_rows",
    "show_results": "results",
    "show_windows": "timelines",
    "similarities": "picture_rows",
    "targets_in_words": "target_words",
    "training_curves": "curves",
}
# Each says for the types of its own task what is drawn of evaluations and of targets.
_OF_TASKS = ("classes", "ranking", "numbers", "masks", "boxes", "picture_rows", "written")
__all__ = ["write_figure", *_NAMES]


def __getattr__(name: str) -> Any:
    """Imports a function when it is first used, since Matplotlib need not be installed."""
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        importlib.import_module("matplotlib.figure")
    except ImportError as error:
        raise ImportError(f"Plots need matplotlib: {install_line('plot')}") from error
    for module in _OF_TASKS:
        importlib.import_module(f"{__name__}.{module}")
    return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)


def __dir__() -> list[str]:
    """Lists all public names, whether they are loaded yet or not."""
    return sorted({*globals(), *__all__})
