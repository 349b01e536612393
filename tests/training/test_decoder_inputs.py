"""A decoder reads ids beside the items: stored and live, saved, and answered token by token."""

from dataclasses import dataclass
from typing import ClassVar

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.several import Answers
from tests.spectra import Spectra, spectra
from transferlearn.data import Encoded, Encoder, Spec
from transferlearn.edge import OutputReader, TensorSpec
from transferlearn.exporting.in_keras import runner_of
from transferlearn.heads import Decoder, Output
from transferlearn.training.built_metrics import build_metrics

pytestmark = pytest.mark.core
LENGTH, START, WORDS = 3, 0, 5
ITEMS = spectra(48)[0]
IDS = 1 + (ITEMS[:, [8, 16, 24]] > 0.5) + 2 * (ITEMS[:, [4, 12, 20]] > 0)


class Shifted(Encoder):
    """Ids to learn, and those before them as what the decoder reads."""

    def __call__(self, rows):
        ids = rows.astype("int32")
        begun = np.pad(ids[:, :-1], ((0, 0), (1, 0)), constant_values=START)
        return Encoded(ids, None, (begun,))


class Greedy(tl.tasks.Answerer):
    """Writes the likeliest id after those that are written."""

    def __init__(self, model):
        self.model = model

    @property
    def specs(self):
        return {"ids": TensorSpec((None, LENGTH), "int32")}

    def named(self, x):
        return {"ids": self(x)}

    def __call__(self, x):
        ids = np.full((len(x), LENGTH + 1), START, "int32")
        for i in range(LENGTH):
            ids[:, i + 1] = self.model.predict_on_batch([x, ids[:, :-1]])[:, i].argmax(axis=1)
        return ids[:, 1:]


@dataclass(frozen=True)
class IdsReader(OutputReader):
    name: ClassVar[str] = "test ids"

    def as_outputs(self, values):
        return {"ids": values}

    def read(self, outputs, seen):
        return [tuple(map(int, row)) for row in outputs["ids"]]


class WritingScoring(tl.tasks.Scoring):
    def measure(self, values, targets):
        exact = (values == targets).all(axis=1).mean()
        return tl.tasks.Evaluation({"count": len(values), "exact": float(exact)})


@dataclass(frozen=True, kw_only=True)
class WritingEncoding(tl.tasks.Encoding):
    name, score, after_epoch = "test writing", tl.tasks.Share("exact"), True
    target, outputs = Answers(), {"words": Output(WORDS, per="token")}
    inputs: ClassVar[dict] = {"ids": Spec((LENGTH,), "int32")}
    scoring: ClassVar[tl.tasks.Scoring] = WritingScoring()

    def of_network(self, outputs, loss):
        return self

    def objective(self, *, loss, metrics, targets, mixed):
        return tl.tasks.Objective(
            loss="sparse_categorical_crossentropy",
            metrics=lambda: [keras.metrics.SparseCategoricalAccuracy(name="token_accuracy")],
            encode=Shifted(),
        )

    def answerer(self, model, kind, **options):
        return Greedy(model)

    def output_reader(self):
        return IdsReader()

    def summary(self):
        return "ids"


@dataclass(frozen=True)
class Writing(tl.tasks.Task):
    target = Answers()

    def learn(self, targets):
        return WritingEncoding()


@dataclass(frozen=True)
class Words(Decoder):
    def __call__(self, features, outputs):
        return {"words": keras.layers.Dense(WORDS, activation="softmax")(features["last"])}


@dataclass(frozen=True)
class Writer(tl.Builder):
    @property
    def kind(self):
        return Spectra()

    @property
    def task(self):
        return Writing()

    def load_backbone(self, shape):
        return tl.backbones.from_model(self.backbone, raw="spectrum", further=("ids",))


def network():
    """An encoder of a spectrum, and a decoder that reads ids beside what it makes."""
    keras.utils.set_random_seed(0)
    spectrum, ids = keras.Input((32,)), keras.Input((LENGTH,), dtype="int32")
    heard = keras.layers.Dense(32, activation="relu", name="encoder")(spectrum)
    heard = keras.layers.Dense(8, activation="tanh", name="bridge")(heard)
    heard = keras.layers.RepeatVector(LENGTH, name="repeated")(heard)
    read = keras.layers.Embedding(WORDS, 8, name="embedding")(ids)
    x = keras.layers.Concatenate(name="joined")([heard, read])
    return keras.Model([spectrum, ids], keras.layers.GRU(16, return_sequences=True, name="gru")(x))


def fit(cache, **options):
    builder = Writer(network(), head=Words(), seed=0, batch_size=16, freeze="encoder")
    options = {"epochs": 2, "cache": cache, "verbose": 0, **options}
    return builder.fit((ITEMS[:32], IDS[:32]), (ITEMS[32:], IDS[32:]), **options)


def test_what_the_encoder_makes_is_stored_and_training_on_it_is_the_same():
    live, stored = fit(False), fit(True)
    assert stored.phases[0].stored is not None
    for one, other in zip(live.model.weights, stored.model.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)
    assert np.array_equal(
        stored.model.get_layer("encoder").kernel, network().get_layer("encoder").kernel
    )


def test_all_answer_token_by_token(tmp_path):
    pytest.importorskip("tf2onnx")
    fitted = fit(False, epochs=8)
    expected = Greedy(fitted.model)(ITEMS)
    told = [tuple(map(int, row)) for row in expected]
    assert len(set(told)) > 2
    assert fitted.predict(ITEMS) == told
    assert fitted.predict(ITEMS[0]) == told[0]
    exact = float((expected[32:] == IDS[32:]).all(axis=1).mean())
    assert fitted.history.history["val_exact"][-1] == exact
    assert fitted.evaluate((ITEMS[32:], IDS[32:])).exact == exact
    assert runner_of(fitted).predict(list(ITEMS)) == told
    fitted.save(tmp_path / "saved")
    assert tl.load(tmp_path / "saved").predict(ITEMS) == told
    with pytest.raises(ValueError, match=r"answers in several passes.*transferlearn serve"):
        tl.export(fitted, tmp_path / "onnx", (ITEMS[32:], IDS[32:]))
    assert not (tmp_path / "onnx").exists()


def test_a_task_without_such_inputs_is_refused():
    backbone = tl.backbones.from_model(network(), raw="spectrum", further=("ids",))
    with pytest.raises(ValueError, match="reads ids besides the items, and the task's inputs are"):
        backbone.read_inside({})


class OneBatch(list):
    by_epoch = True


def test_metrics_are_made_for_outputs_of_any_length():
    ids = keras.Input((None,), dtype="int32")
    model = keras.Model(ids, keras.layers.Embedding(WORDS, WORDS, name="words")(ids))
    model.compile(loss="mse", metrics=["sparse_categorical_accuracy"])
    x = np.zeros((2, 7), "int32")
    build_metrics(model, OneBatch([(x, x)]))
    assert model.metrics_variables
    assert not any(np.any(variable) for variable in model.metrics_variables)
