"""A network of two inputs and two outputs: pairs of images, and what is asked of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import keras
import numpy as np

import transferlearn as tl
from tests.networks import pixels
from transferlearn.backbones.blocks import blocks_between_cuts
from transferlearn.data import Encoded, Encoder, Spec, Target, Targets
from transferlearn.data.dataset import ItemDataset
from transferlearn.data.items import RawItems
from transferlearn.data.kind import Kind, One
from transferlearn.edge import ItemReader, OutputReader, Seen
from transferlearn.edge.item_reader import Rows
from transferlearn.heads import Decoder, Output
from transferlearn.tasks import Encoding, Evaluation, Objective, Scoring, Share, Task

SIZE = 16


class PairItems(RawItems):
    """Pairs of images, uint8 `(n, 2, height, width, 3)`."""

    reading = "as it is"
    held_bytes = 0

    def __init__(self, pairs):
        self.pairs = np.asarray(pairs)

    def __len__(self):
        return len(self.pairs)

    def start(self, rows, epoch=0):
        left, right = (self.pairs[rows, side] for side in (0, 1))
        return lambda: (left, right)

    def content_hashes(self):
        return [pair.tobytes().hex()[:64] for pair in self.pairs]

    def subset(self, rows):
        return PairItems(self.pairs[rows])


@dataclass(frozen=True)
class PairReader(ItemReader):
    """Reads pairs as the two arrays that the network takes."""

    name: ClassVar[str] = "test pairs"
    reads_files: ClassVar[bool] = False

    def is_one(self, items):
        return np.ndim(items) == 4

    def read(self, items):
        pairs = np.stack([np.asarray(item) for item in items])
        arrays = {"left": pairs[:, 0], "right": pairs[:, 1]}
        return Rows(arrays, np.arange(len(pairs)), [Seen()] * len(pairs))


@dataclass(frozen=True)
class AnswerReader(OutputReader):
    """Reads which image is lighter, and by how much."""

    name: ClassVar[str] = "test answers"

    def as_values(self, outputs):
        return np.concatenate([outputs["choice"], outputs["difference"]], axis=1)

    def as_outputs(self, values):
        return {"choice": values[:, :2], "difference": values[:, 2:]}

    def read(self, outputs, seen):
        choices, differences = outputs["choice"], outputs["difference"]
        return [(int(c.argmax()), float(d[0])) for c, d in zip(choices, differences, strict=True)]


@dataclass(frozen=True)
class Pairs(Kind):
    """Two images of one size, told apart by their place."""

    name: ClassVar[str] = "pairs"
    noun: ClassVar[str] = "pair"
    endings: ClassVar[tuple[str, ...]] = (".png",)
    columns: ClassVar[tuple[str, ...]] = ("pair",)
    in_cells: ClassVar[bool] = True

    side: int = SIZE

    def inputs(self, shape=None):
        image = Spec((self.side, self.side, 3), "float32")
        return {"left": image, "right": image}

    def as_paths(self, items):
        return None

    def open(self, listed, targets, *, on_error):
        return self._dataset(listed.items, targets)

    def is_stream(self, source):
        return False

    def stream(self, source, target, *, on_error):
        raise NotImplementedError

    def is_one(self, source):
        return np.ndim(source) == 4

    def unlabelled(self, source, *, on_error="skip"):
        return self._dataset(np.reshape(source, (-1, 2, self.side, self.side, 3)), None)

    def one(self, item):
        left, right = np.asarray(item)[:, None].astype("float32")
        return One((left, right), None)

    def item_reader(self):
        return PairReader()

    def settings(self):
        return {"side": self.side}

    @classmethod
    def load(cls, settings, folder):
        return cls(**settings)

    def _dataset(self, pairs, targets):
        items = PairItems(pairs)
        shape = (self.side, self.side, 3)
        return ItemDataset(items=items, shape=shape, noun="pair", targets=targets, size=len(items))


@dataclass(frozen=True, kw_only=True, eq=False)
class AnswerTargets(Targets):
    """Rows `(n, 4)`: which image is lighter, by how much, and two numbers that are told besides."""

    rows: np.ndarray

    def __getitem__(self, rows):
        return self.rows[rows]

    @property
    def count(self):
        return len(self.rows)

    def take(self, rows):
        return AnswerTargets(rows=self.rows[rows])

    def parse(self, given):
        return given

    def summary(self):
        return "a choice and a difference"


class Answers(Target):
    columns = ("answer",)

    def of_folders(self, told, listed):
        raise NotImplementedError

    def of_columns(self, told, listed):
        raise NotImplementedError

    def of_rows(self, told):
        return AnswerTargets(rows=np.asarray(told.rows, float))

    def of_stream(self, told):
        raise NotImplementedError


class Both(Encoder):
    """Targets by output, a weight for each item, and a further input."""

    def __call__(self, rows):
        targets = {
            "choice": rows[:, 0].astype("int32"),
            "difference": rows[:, 1:2].astype("float32"),
        }
        weights = np.ones(len(rows), "float32")
        return Encoded(targets, weights, (rows[:, 2:].astype("float32"),))


class AnswerScoring(Scoring):
    def measure(self, values, targets):
        right = values[:, :2].argmax(axis=1) == targets[:, 0]
        return Evaluation({"count": len(values), "choice_accuracy": float(right.mean())})


@dataclass(frozen=True, kw_only=True)
class AnswerEncoding(Encoding):
    name: ClassVar[str] = "answers"
    score: ClassVar[Share] = Share("choice_accuracy")

    target: ClassVar[Target] = Answers()
    outputs: ClassVar[Mapping[str, Output]] = {"choice": Output(2), "difference": Output(1)}
    inputs: ClassVar[Mapping[str, Spec]] = {"told": Spec((2,), "float32", (0.7, -2))}
    scoring: ClassVar[Scoring] = AnswerScoring()

    def of_network(self, outputs, loss):
        assert {name: output.units for name, output in outputs.items()} == {
            "choice": 2,
            "difference": 1,
        }
        return self

    def objective(self, *, loss, metrics, targets, mixed):
        losses = {"choice": "sparse_categorical_crossentropy", "difference": "mse"}
        return Objective(
            loss=losses,
            metrics=lambda: {"choice": ["accuracy"], "difference": ["mae"]},
            encode=Both(),
            unsolvable="it has two outputs",
        )

    def output_reader(self):
        return AnswerReader()

    def summary(self):
        return "a choice and a difference"


@dataclass(frozen=True)
class Answering(Task):
    target: Target = Answers()  # noqa: RUF009 - it has no state

    def learn(self, targets):
        return AnswerEncoding()


@dataclass(frozen=True)
class TwoHeads(Decoder):
    """Reads the backbone's features and what is told besides."""

    dropout: float = 0.0

    def __call__(self, features, outputs):
        x = keras.layers.Concatenate()([features["last"], features["told"]])
        x = keras.layers.Dropout(self.dropout)(x)
        choice = keras.layers.Dense(outputs["choice"].units, activation="softmax")(x)
        return {"choice": choice, "difference": keras.layers.Dense(1)(x)}


@dataclass(frozen=True)
class PairBuilder(tl.Builder):
    """Answers about pairs of images."""

    @property
    def kind(self):
        return Pairs()

    @property
    def task(self):
        return Answering()

    def load_backbone(self, shape):
        return self.backbone


def backbone(seed=0):
    """A network of two inputs with spread-out outputs: one trunk for both images."""
    keras.utils.set_random_seed(seed)
    left, right = (keras.Input((SIZE, SIZE, 3), name=name) for name in ("left", "right"))
    first = keras.layers.Conv2D(8, 3, strides=2, activation="relu", name="first")
    second = keras.layers.Conv2D(8, 3, activation="relu", name="second")
    pooled = [keras.layers.GlobalAveragePooling2D()(second(first(side))) for side in (left, right)]
    both = keras.layers.Concatenate(name="both")(pooled)
    mixed = keras.layers.Dense(12, activation="tanh", name="mixed")(both)
    model = keras.Model([left, right], mixed, name="pairs")
    made = tl.backbones.Backbone(
        model=model,
        blocks=blocks_between_cuts(model),
        preprocessing=lambda items: [
            keras.layers.Rescaling(1 / 127.5, -1.0)(items[side]) for side in ("left", "right")
        ],
        name="pairs",
        source="a test",
    )
    return replace(made, pretrained=True)


def data(count=48, seed=1):
    """Pairs, and what is asked of them."""
    random = np.random.default_rng(seed)
    images = pixels(2 * count, SIZE, seed=seed).reshape(count, 2, SIZE, SIZE, 3)
    pairs = (images * random.uniform(0.3, 1, (count, 2, 1, 1, 1))).astype("uint8")
    light = pairs.mean(axis=(2, 3, 4)) / 255
    told = random.normal(size=(count, 2))
    choice = light[:, 1] > light[:, 0]
    difference = light[:, 1] - light[:, 0] + told[:, 0]
    return pairs, np.column_stack([choice, difference, told])
