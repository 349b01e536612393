"""A score of whole answers: computed after each epoch, shown, written down and monitored."""

from dataclasses import dataclass, replace
from typing import ClassVar

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from tests.spectra import Spectra, backbone, spectra
from transferlearn.plotting import training_curves

pytestmark = pytest.mark.core
ITEMS = spectra(60)[0]
NUMBERS = ITEMS.argmax(axis=1) + 0.5
TRAIN, HELD_OUT = (ITEMS[:40], NUMBERS[:40]), (ITEMS[40:], NUMBERS[40:])


def order(values, targets):
    """The share of pairs of items that are in the right order, which no metric can add up."""
    first, second = np.triu_indices(len(values), 1)
    numbers, right = values[:, 0], targets[:, 0]
    same = np.sign(numbers[first] - numbers[second]) == np.sign(right[first] - right[second])
    return float(same.mean())


class OrderScoring(tl.tasks.NumberScoring):
    def measure(self, values, targets):
        found = super().measure(values, targets)
        return replace(found, figures={**found.figures, "order": order(values, targets)})


class OrderEncoding(tl.tasks.NumberEncoding):
    name = "test order"
    score: ClassVar[tl.tasks.Score] = tl.tasks.Share("order")
    after_epoch = True

    @property
    def scoring(self):
        return OrderScoring(self.names, self.mean, self.spread)


@dataclass
class Pairs(tl.tasks.Tally):
    scoring: tl.tasks.Scoring
    values: np.ndarray
    targets: np.ndarray

    @classmethod
    def joined(cls, tallies):
        parts = (np.concatenate([getattr(t, n) for t in tallies]) for n in ("values", "targets"))
        return cls(tallies[0].scoring, *parts)

    def evaluation(self):
        return self.scoring.measure(self.values, self.targets)


class BatchedOrderScoring(OrderScoring):
    by_batch = True

    def tally(self, values, targets, unchanged=None):
        return Pairs(self, values, targets)


class BatchedOrderEncoding(OrderEncoding):
    name = "test order by batch"

    @property
    def scoring(self):
        return BatchedOrderScoring(self.names, self.mean, self.spread)


@dataclass(frozen=True)
class Order(tl.tasks.Regression):
    by_batch: bool = False

    def learn(self, targets):
        made = BatchedOrderEncoding if self.by_batch else OrderEncoding
        return made(**vars(super().learn(targets)))


@dataclass(frozen=True)
class OrderBuilder(tl.builders.Regressor):
    by_batch: bool = False

    @property
    def kind(self):
        return Spectra()

    @property
    def task(self):
        return Order(by_batch=self.by_batch)

    def load_backbone(self, shape):
        return tl.backbones.from_model(self.backbone, raw="spectrum")


class Sees(keras.callbacks.Callback):
    """The logs of each epoch, and the order of the held-out items by the model itself."""

    def __init__(self):
        super().__init__()
        self.logs, self.orders = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))
        self.orders.append(order(self.model.predict(HELD_OUT[0], verbose=0), HELD_OUT[1][:, None]))


def fit(*, by_batch=False, validation=HELD_OUT, callbacks=(), builds=(), **options):
    freeze = None if "schedule" in options else "first"
    settings = {"seed": 0, "batch_size": 8, "freeze": freeze, **dict(builds)}
    builder = OrderBuilder(backbone(), by_batch=by_batch, **settings)
    sees = Sees()
    options = {"epochs": 3, **options}
    fitted = builder.fit(TRAIN, validation, callbacks=[sees, *callbacks], verbose=0, **options)
    return fitted, sees


@pytest.mark.parametrize(
    "options",
    [
        {"cache": False},
        {"by_batch": True, "cache": True},
        {"schedule": "probe"},
    ],
    ids=str,
)
def test_callbacks_and_the_history_have_it_for_the_weights_of_each_epoch(options, tmp_path):
    fitted, sees = fit(**options)
    assert [logs["val_order"] for logs in sees.logs] == sees.orders
    assert fitted.history.history["val_order"] == sees.orders
    assert "order" not in fitted.history.history
    assert fitted.evaluate(HELD_OUT).order == sees.orders[-1]
    assert [ax.get_ylabel() for ax in training_curves(fitted).axes] == ["loss", "order"]
    diagnosis = tl.diagnose(fitted)
    assert diagnosis.evidence.held_out_score == sees.orders[-1]
    diagnosis.plot(tmp_path / "curves.png")


def test_phases_stopping_and_rates_follow_it():
    stopping = keras.callbacks.EarlyStopping("val_order", patience=1)
    slower = keras.callbacks.ReduceLROnPlateau("val_order", patience=1, factor=0.1)
    kept = tl.FineTune(head_epochs=1, keep="best")
    fitted, sees = fit(
        callbacks=[slower, stopping], epochs=12, schedule=kept, builds={"learning_rate": 0.003}
    )
    last = sees.orders[1:]  # of the second phase, which early stopping ends
    assert len(last) < 11
    assert last[-1] <= last[-2] == max(last)
    assert slower.best == stopping.best == max(last)
    assert fitted.evaluate(HELD_OUT).order == max(sees.orders)


def test_without_held_out_items_there_is_none():
    fitted, sees = fit(validation=None, validation_split=0.0, epochs=1)
    assert "val_order" not in sees.logs[0]
    assert fitted.evaluate(HELD_OUT).order > 0


def test_a_task_may_have_such_a_score():
    tl.testing.check_task(Order(by_batch=True), np.arange(15))


@dataclass(frozen=True)
class ImageOrderBuilder(tl.ImageRegressorBuilder):
    @property
    def task(self):
        return Order()


@pytest.mark.parametrize("cache", [True, pytest.param(False, marks=pytest.mark.full)])
def test_a_stream_is_held_out(cache):
    tf = pytest.importorskip("tensorflow")
    images, numbers = pixels(24, 32), np.arange(24.0)
    held_out = tf.data.Dataset.from_tensor_slices((images[16:], numbers[16:])).batch(3)
    builder = ImageOrderBuilder(small_backbone(), freeze="all", seed=0)
    options = {"epochs": 2, "cache": cache, "verbose": 0}
    fitted = builder.fit((images[:16], numbers[:16]), held_out, **options)
    found = fitted.evaluate((images[16:], numbers[16:]))
    assert fitted.history.history["val_order"][-1] == found.order
