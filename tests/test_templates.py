"""Optimizers and metrics that a user passes are not changed."""

import itertools

import keras
import numpy as np
import pytest

from transferlearn.templates import copy_metrics, copy_optimizer

pytestmark = pytest.mark.core


def my_loss(y_true, y_pred):
    return keras.ops.mean(y_pred)


def test_metrics_are_copies():
    precision, recall = keras.metrics.Precision(top_k=2), keras.metrics.Recall(name="found")
    copies = copy_metrics({"a": [precision, "accuracy"], "b": (recall, my_loss)})
    assert copies["a"][1] == "accuracy"
    assert copies["b"][1] is my_loss
    assert copies["a"][0].get_config() == precision.get_config()
    assert copies["b"][0].name == "found"
    copies["a"][0].update_state([[1.0, 0.0]], [[0.9, 0.1]])
    assert float(copies["a"][0].result()) > 0
    assert float(precision.result()) == 0
    assert copy_metrics(None) is None


def test_optimizers_are_copies():
    weight = keras.Variable(np.ones(3, "float32"))
    used = keras.optimizers.SGD(0.25, momentum=0.5, weight_decay=0.01)
    used.apply([keras.ops.ones(3)], [weight])
    copies = [copy_optimizer(used), copy_optimizer(used, 0.125), used]
    assert all(a is not b for a, b in itertools.combinations(copies, 2))
    assert [float(x.learning_rate) for x in copies] == [0.25, 0.125, 0.25]
    assert [int(x.iterations) for x in copies] == [0, 0, 1]
    assert [x.momentum for x in copies] == [0.5] * 3
    assert [x.weight_decay for x in copies] == [0.01] * 3


def test_an_optimizer_keeps_its_schedule_unless_there_is_a_rate():
    decay = keras.optimizers.schedules.ExponentialDecay(0.5, 10, 0.9)
    template = keras.optimizers.Adam(decay)
    kept = copy_optimizer(template).get_config()["learning_rate"]
    assert kept == template.get_config()["learning_rate"]
    assert kept["class_name"] == "ExponentialDecay"
    assert float(copy_optimizer(template, 0.125).learning_rate) == 0.125


def test_an_optimizer_that_scales_the_loss_hands_the_rate_on():
    template = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.25, momentum=0.5))
    copy = copy_optimizer(template, 0.125)
    assert isinstance(copy, keras.optimizers.LossScaleOptimizer)
    assert (float(copy.inner_optimizer.learning_rate), copy.inner_optimizer.momentum) == (
        0.125,
        0.5,
    )
    assert float(template.inner_optimizer.learning_rate) == 0.25


def test_what_hides_its_arguments_cannot_be_copied():
    class Mine(keras.metrics.Mean):
        def __init__(self, factor=1.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

    with pytest.raises(TypeError, match=r"Mine cannot be copied.*must give factor too"):
        copy_metrics([Mine(2.0)])


def test_an_optimizer_by_name():
    assert isinstance(copy_optimizer("RMSprop"), keras.optimizers.RMSprop)
    assert float(copy_optimizer("adam", 0.125).learning_rate) == 0.125


def test_wrong_optimizers_are_refused():
    with pytest.raises(TypeError, match=r"Expected the name of a Keras optimizer.*Received:"):
        copy_optimizer(0.001)
    with pytest.raises(ValueError, match="adamm"):
        copy_optimizer("adamm")
