"""The checks of one's own parts: every built-in passes, and what is wrong is said."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests import several
from tests.networks import pixels
from tests.sounds import tones
from tests.spectra import Spectra, spectra
from transferlearn import testing
from transferlearn.backbones.applications import Applications
from transferlearn.backbones.embedded import Embedded
from transferlearn.configs import subclasses
from transferlearn.edge import NumberReader
from transferlearn.freezing import (
    FreezeAll,
    FreezeBatchNorm,
    FreezeDepthwise,
    FreezeFirst,
    FreezeFraction,
    FreezeMatching,
    FreezeNone,
    FreezeUpTo,
    LowRank,
    TrainLastBlocks,
)

pytestmark = pytest.mark.core
HEADS = (
    tl.heads.PooledDense(),
    tl.heads.PooledDense(dropout=0.2, l2=1e-4),
    tl.heads.FlattenDense(),
    tl.heads.FlattenDense(units=(8, 4), dropout=0.2),
)
FREEZINGS = (
    FreezeAll(),
    FreezeNone(),
    FreezeBatchNorm(),
    FreezeDepthwise(),
    FreezeFirst(3),
    FreezeFraction(0.5),
    FreezeMatching(".*_norm"),
    FreezeUpTo("second_conv"),
    LowRank(8),
    TrainLastBlocks(1),
    FreezeFirst(2) | FreezeBatchNorm(),
)
SCHEDULES = (
    tl.Auto(),
    tl.schedules.AutoForBoxes(),
    tl.schedules.AutoForLanguage(),
    tl.schedules.AutoForMasks(),
    tl.schedules.AutoForNumbers(),
    tl.schedules.AutoForPictures(),
    tl.schedules.AutoForTexts(),
    tl.schedules.AutoForPairs(),
    tl.schedules.AutoForWriting(),
    tl.OnePhase(),
    tl.Probe(),
    tl.FineTune(),
    tl.FineTune(head_epochs=2, keep="best", patience=2),
    tl.GradualUnfreezing(blocks=2),
)


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_built_in_heads(head):
    testing.check_head(head)


def test_built_in_decoders():
    testing.check_decoder(tl.heads.SegFormerDecoder(width=8))
    testing.check_decoder(
        tl.heads.PictureUNet(width=2, features=("image", "stride_2", "stride_16"))
    )
    features = {"last": (4,), "told": (2,)}
    testing.check_decoder(
        several.TwoHeads(), features=features, outputs=several.AnswerEncoding.outputs
    )
    with pytest.raises(AssertionError, match="a row of 3 numbers for each cell"):
        testing.check_decoder(Pooling())


@pytest.mark.full
@pytest.mark.parametrize("decoder", [tl.heads.ASPP(8), tl.heads.FPN(8, 4), tl.heads.UNet(4)])
def test_more_built_in_decoders(decoder):
    testing.check_decoder(decoder)


@pytest.mark.parametrize("strategy", FREEZINGS, ids=repr)
def test_built_in_freezings(strategy):
    testing.check_freezing(strategy)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_built_in_schedules(schedule):
    testing.check_schedule(schedule)


TRANSFORMS = (
    tl.data.Mirrored(),
    tl.data.Warped(),
    tl.data.Warped(3, turn=180, move=0),
    tl.data.Warped(turn=0, zoom=0.9, move=0.2),
)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=["mirrored", "warped", "turned", "moved"])
def test_built_in_transforms(transform):
    testing.check_transform(transform)


@pytest.mark.full
@pytest.mark.parametrize(
    ("source", "name"),
    [
        (Embedded(), None),
        pytest.param(Applications(), "MobileNetV2", marks=pytest.mark.full),
    ],
    ids=("embedded", "applications"),
)
def test_built_in_sources(source, name):
    testing.check_source(source, name)


@pytest.mark.parametrize(
    ("task", "y"),
    [
        (tl.tasks.Classification(), ["cat", "dog", "cow"] * 5),
        pytest.param(tl.tasks.Classification(), np.arange(14) % 2, marks=pytest.mark.full),
        (tl.tasks.Tagging(), [["round"], ["red", "round"], []] * 5),
        (tl.tasks.Regression(), np.linspace(5, 90, 15)),
        pytest.param(
            tl.tasks.Regression(tl.data.Numbers(["a", "b"])),
            np.arange(30.0).reshape(15, 2),
            marks=pytest.mark.full,
        ),
        (tl.tasks.Segmentation(), pixels(14, 32)[..., 0] // 128),
        (tl.tasks.ImageToImage(), pixels(14, 32)),
        (
            tl.tasks.TokenClassification(),
            [["O", *["B-A", "I-A", "O", "B-B"] * 6], ["B-A", "I-A", "I-A", "O", "O"] * 5] * 6,
        ),
        pytest.param(
            tl.tasks.TokenClassification(),
            [["NOUN", "VERB", "ADJ", "ADV", "X"] * 5, ["VERB", "X", "X", "X", "X"] * 5] * 6,
            marks=pytest.mark.full,
        ),
        (several.Answering(), several.data(16)[1]),
    ],
    ids=lambda part: type(part).__name__,
)
def test_built_in_tasks(task, y):
    testing.check_task(task, y)


def test_built_in_kinds(tmp_path):
    images = pixels(4, 32)
    testing.check_kind(tl.data.Images(image_size=(24, 24)), images, images[0])
    noisy = tl.data.DegradedImages(image_size=(24, 24), degradation=tl.data.denoise())
    testing.check_kind(noisy, images, images[0])
    texts = ["a fine film", "a bad one"]
    testing.check_kind(tl.data.Texts(tl.data.Characters(), 16), texts, texts[0])
    testing.check_kind(tl.data.Words(tl.data.Characters(), 16), texts, texts[0])
    testing.check_kind(tl.data.Corpus(tl.data.Characters(), 16), texts, texts[0])
    testing.check_kind(Spectra(), spectra(4)[0], spectra(4)[0][0])
    waves, _ = tones(4)
    testing.check_kind(tl.data.Audio(sample_rate=8000, seconds=0.5), list(waves), waves[0])
    pairs, _ = several.data(4)
    testing.check_kind(several.Pairs(), pairs, pairs[0])


def test_no_built_in_is_left_out():
    def ours(family):
        found = subclasses(family).items()
        return {
            cls
            for name, cls in found
            if cls.__module__.startswith("transferlearn.") and not cls.__abstractmethods__
            if not cls.__name__.startswith("_")  # a part that nobody else can name
        }

    from transferlearn.data.sequences.kind import Words
    from transferlearn.freezing import FreezeStrategy
    from transferlearn.freezing.base import FreezeEither

    # Heads of tokens have no single output an item; tests of tags and language models train them.
    of_tokens = {tl.heads.NextTokenHead, tl.heads.TokenDense}
    assert ours(tl.heads.Head) == {type(head) for head in HEADS} | of_tokens
    assert ours(tl.heads.Decoder) == {
        tl.heads.ASPP,
        tl.heads.FCOSHead,
        tl.heads.FPN,
        tl.heads.PictureUNet,
        tl.heads.RetinaNetHead,
        tl.heads.SegFormerDecoder,
        tl.heads.UNet,
    }
    assert ours(FreezeStrategy) == {type(freezing) for freezing in FREEZINGS}
    assert FreezeEither in {type(freezing) for freezing in FREEZINGS}
    assert ours(tl.Schedule) == {type(schedule) for schedule in SCHEDULES}
    assert ours(tl.tasks.Task) == {
        tl.tasks.Classification,
        tl.tasks.Detection,
        tl.tasks.Tagging,
        tl.tasks.Regression,
        tl.tasks.ImageToImage,
        tl.tasks.LanguageModelling,
        tl.tasks.Segmentation,
        tl.tasks.TokenClassification,
        tl.tasks.Writing,
    }
    assert ours(tl.data.Kind) == {
        tl.data.Audio,
        tl.data.Corpus,
        tl.data.DegradedImages,
        tl.data.Images,
        tl.data.SourceTexts,
        tl.data.Speech,
        tl.data.Texts,
        Words,
    }


@dataclass(frozen=True)
class Pooling(tl.heads.Decoder):
    """Returns one row an item where one a cell is wanted."""

    def __call__(self, features, outputs):
        pooled = keras.layers.GlobalAveragePooling2D()(features["last"])
        return {name: keras.layers.Dense(output.units)(pooled) for name, output in outputs.items()}


@dataclass(frozen=True)
class Forgetful(tl.heads.Head):
    """Uses the activation that it likes."""

    last: str = "softmax"
    pooled: bool = True

    def __call__(self, features, num_classes, *, activation="softmax"):
        x = features
        if self.pooled and len(features.shape) == 4:
            x = keras.layers.GlobalAveragePooling2D()(x)
        return keras.layers.Dense(num_classes, activation=self.last)(x)


class Keeping(tl.heads.Head):
    """Makes its layer once."""

    def __init__(self):
        self.layer = keras.layers.Dense(3)

    def __call__(self, features, num_classes, *, activation="softmax"):
        return self.layer(features)


@dataclass(frozen=True)
class Fixed(tl.heads.Head):
    """Has a number of outputs of its own."""

    def __call__(self, features, num_classes, *, activation="softmax"):
        return keras.layers.Dense(3, activation=activation)(keras.layers.Flatten()(features))


@dataclass(frozen=True)
class Picky(tl.heads.Head):
    """Takes maps of one size only."""

    def __call__(self, features, num_classes, *, activation="softmax"):
        x = keras.layers.Conv2D(num_classes, 7, activation=activation)(features)
        return keras.layers.Flatten()(x)


@dataclass(frozen=True)
class Sharing(tl.heads.Head):
    """Shares a layer among all that it is called for."""

    layer: object = keras.layers.Dense(3)

    def __call__(self, features, num_classes, *, activation="softmax"):
        x = self.layer(keras.layers.Flatten()(features))
        return keras.layers.Activation(activation)(x)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (Forgetful(), "these add up to 1"),
        (Forgetful(last="sigmoid"), "must add up to 1"),
        (Forgetful(pooled=False), r"where \(None, 3\) was expected. Pool or flatten"),
        (Forgetful(last="tanh"), "for numbers of any size, and the outputs lie between"),
        (Fixed(), r"where \(None, 5\) was expected"),
        (Picky(), "cannot be called on features of shape .*pass their shape"),
        (Keeping(), "could not hold the settings of Keeping"),
        (Sharing(), "gives the same weights"),
        (object(), "subclass of tl.heads.Head"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_is_wrong_with_a_head_is_said(head, said):
    shapes = ((5, 5, 8),) if not isinstance(head, Sharing) else ((8,),)
    with pytest.raises(AssertionError, match=said):
        testing.check_head(head, features=shapes)


@dataclass(frozen=True)
class Answers(tl.freezing.FreezeStrategy):
    how: str = "short"

    def frozen(self, layers):
        if self.how == "changes":
            for layer in layers:
                layer.trainable = False
        if self.how == "odd":
            return ["yes"] * len(layers)
        if self.how == "random":
            return list(np.random.default_rng().random(len(layers)) > 0.5)
        return [True] * (len(layers) - (self.how == "short"))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("short", "of each of the"),
        ("odd", "True or False"),
        ("changes", "changed layer.trainable"),
        ("random", "Asked twice"),
    ],
)
def test_what_is_wrong_with_a_freezing_is_said(how, said):
    with pytest.raises(AssertionError, match=said):
        testing.check_freezing(Answers(how))


@dataclass(frozen=True)
class Plans(tl.Schedule):
    how: str = "endless"

    def phases(self, job):
        if self.how == "list":
            return [tl.Phase(freeze=FreezeAll(), epochs=1)]
        return self._yielded(job)

    def _yielded(self, job):
        while self.how == "endless":
            yield tl.Phase(freeze=FreezeAll(), epochs=1, fit="solve")
        if self.how == "long":
            yield tl.Phase(freeze=FreezeAll(), epochs=job.epochs + 1)
        if self.how == "random":
            rate = float(np.random.default_rng().random())
            yield tl.Phase(freeze=FreezeAll(), epochs=1, learning_rate=rate)
        if self.how == "other":
            yield "all"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("endless", "does not end"),
        ("long", "13 epochs of gradient steps"),
        ("none", "gives no phase"),
        ("list", "one by one"),
        ("other", "yields tl.Phase"),
        ("random", "Asked twice"),
    ],
)
def test_what_is_wrong_with_a_schedule_is_said(how, said):
    with pytest.raises(AssertionError, match=said):
        testing.check_schedule(Plans(how))


class Net(tl.backbones.BackboneSource):
    names = ("Net",)

    def __init__(self, how):
        self.how = how

    def load(self, name, *, weights, image_size):
        image = keras.Input((*image_size, 3))
        x = keras.layers.Conv2D(4, 3, name=None if self.how == "names" else "conv")(image)
        if self.how == "head":
            x = keras.layers.Reshape((-1, 4))(x)
        made = tl.backbones.from_model(keras.Model(image, x), pretrained=self.how == "trained")
        return "a network" if self.how == "other" else made


@pytest.mark.parametrize(
    ("how", "said"),
    [("trained", "pretrained=False"), ("head", "leave the head out"), ("other", "gives a tl.back")],
)
def test_what_is_wrong_with_a_source_is_said(how, said):
    with pytest.raises(AssertionError, match=said):
        testing.check_source(Net(how))
    testing.check_source(Net("fine"))


class Broken(Spectra):
    """Breaks one promise at a time."""

    how = ""

    def inputs(self, shape=None):
        wanted = (4,) if self.how == "shape" else (self.length,)
        return {"spectrum": tl.data.Spec(wanted, "int32" if self.how == "dtype" else "float32")}

    def checked(self, item):
        return np.asarray(item, "float32")

    def is_one(self, source):
        return self.how != "single" and np.ndim(source) == 1

    def one(self, item):
        found = super().one(item)
        return found._replace(batch=found.batch + 1) if self.how == "one" else found

    def settings(self):
        return {"length": 64 if self.how == "settings" else {1} if self.how == "json" else 32}


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("shape", r"has the shape \(4,\), and items have \(32,\)"),
        ("dtype", "is int32, and items are float32"),
        ("single", "is_one must be True"),
        ("one", r"one\(item\) must give"),
        ("settings", "another one"),
        ("json", "what JSON takes"),
    ],
)
def test_what_is_wrong_with_a_kind_is_said(how, said, monkeypatch):
    monkeypatch.setattr(Broken, "how", how)
    rows = spectra(4)[0]
    with pytest.raises(AssertionError, match=said):
        testing.check_kind(Broken(), rows, rows[0])


class Short(NumberReader):
    """Forgets an item."""

    name = "short"

    def read(self, outputs, seen):
        return super().read(outputs, seen)[1:]


class WrongEncoding(tl.tasks.NumberEncoding):
    """Breaks one promise at a time."""

    name, how = "wrong numbers", ""
    score = tl.tasks.Determination("r2")

    def output_reader(self):
        return (Short if self.how == "reader" else NumberReader)(self.names)

    def settings(self):
        return {**super().settings(), **({"spread": [9.0]} if self.how == "settings" else {})}

    def objective(self, **options):
        made = super().objective(**options)
        if self.how == "score":
            return type(made)(loss="mse", metrics=lambda: ["mae"], encode=made.encode)
        if self.how == "loss":
            return type(made)(
                loss=lambda y, p: keras.ops.log(-keras.ops.abs(p) - 1),
                metrics=made.metrics,
                encode=made.encode,
            )
        return made


class Wrong(tl.tasks.Regression):
    def learn(self, targets):
        return WrongEncoding(**vars(super().learn(targets)))


@pytest.mark.full
@pytest.mark.parametrize(
    ("how", "said"),
    [
        pytest.param("reader", "Short reads 14 predictions for 15", marks=pytest.mark.full),
        ("settings", "Saved and loaded"),
        pytest.param(
            "score", "The score is called 'r2', and no metric has", marks=pytest.mark.full
        ),
        ("loss", "The loss is not finite"),
    ],
)
def test_what_is_wrong_with_a_task_is_said(how, said, monkeypatch):
    monkeypatch.setattr(WrongEncoding, "how", how)
    with pytest.raises(AssertionError, match=said):
        testing.check_task(Wrong(), np.linspace(5, 90, 15))


class Upside(tl.data.Transform):
    """Turns photos upside down, and gets one thing wrong."""

    name, views, first_is_raw = "upside", 2, True

    def __init__(self, how):
        self.how = how

    def items(self, batch, keys, views):
        changed = batch if self.how == "in place" else batch.copy()
        changed[views == 1] = batch[views == 1][:, ::-1]
        if self.how == "by place":
            changed[::2] = batch[::2]
        return changed.astype("float32") if self.how == "floats" else changed

    def geometry(self, key, view):
        class Down(tl.data.Geometry):
            def matrix(self, height, width):
                return 1, 0, 0, 0, -1, height

        return None if view == 0 or self.how == "nothing said" else Down()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("in place", "changed the photos"),
        ("by place", "follow from the photo's key"),
        ("floats", "Received: float32"),
        ("nothing said", "beside what they mark"),
    ],
)
def test_what_is_wrong_with_a_transform_is_said(how, said):
    with pytest.raises(AssertionError, match=said):
        testing.check_transform(Upside(how))
    testing.check_transform(Upside("fine"))
