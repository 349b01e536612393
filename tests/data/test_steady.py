"""Batches for TensorFlow without its autotuning."""

import logging

import keras
import numpy as np
import pytest

from tests.loading import batches_of, load
from transferlearn.data.batches import epoch_order
from transferlearn.data.iterating import without_autotune, without_retracing_advice

N = 10


def arrays():
    x = np.arange(N, dtype="uint8")[:, None, None, None] * np.ones((1, 4, 4, 3), "uint8")
    return load((x, np.arange(N) % 2), image_size=(4, 4))


def rows(dataset):
    return [x[:, 0, 0, 0].tolist() for x, _ in dataset.as_numpy_iterator()]


def test_advice_on_retracing_is_left_out_and_nothing_else(monkeypatch):
    import tensorflow as tf

    heard = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())
    logger = logging.getLogger("tensorflow")
    logger.addHandler(handler)
    monkeypatch.setattr(logger, "level", logging.WARNING)  # the command line makes it quieter
    logger.manager._clear_cache()

    def compile_often(step):
        step = tf.function(step, reduce_retracing=False)
        for size in range(12):
            step(tf.zeros(size))

    with without_retracing_advice():
        compile_often(lambda x: x + 1)
        tf.get_logger().warning("something else")
    assert heard == ["something else"]
    compile_often(lambda x: x - 1)
    logger.removeHandler(handler)
    assert "triggered tf.function retracing" in heard[1]


def test_each_iteration_is_the_epoch_that_the_batches_have():
    batches = batches_of(arrays(), batch_size=4, encoding="index", shuffle=True, seed=3)
    dataset = without_autotune(batches)
    assert dataset.cardinality() == 3
    for epoch in (2, 0):
        batches.epoch = epoch
        order = epoch_order(N, 3, epoch).tolist()
        assert rows(dataset) == [order[:4], order[4:8], order[8:]]


def test_several_tensors_of_an_item_stay_several():
    class Two(keras.utils.PyDataset):
        by_epoch, epoch = True, 0

        def __len__(self):
            return 1

        def __getitem__(self, index):
            return (np.ones((2, 3), "float32"), np.zeros((2, 5), "int32")), np.ones(2)

    ((first, second), target), *rest = without_autotune(Two()).as_numpy_iterator()
    assert (first.shape, second.dtype, target.shape, rest) == ((2, 3), "int32", (2,), [])


def test_a_failure_can_still_be_named():
    batches = batches_of(arrays(), batch_size=4)
    dataset = without_autotune(batches)
    batches._items.start = lambda *_: 1 / 0
    with pytest.raises(Exception, match="ZeroDivisionError"):
        list(dataset)


def test_other_batches_are_left_to_keras():
    class Own(keras.utils.PyDataset):
        pass

    own = Own()
    assert without_autotune(own) is own
