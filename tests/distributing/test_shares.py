"""Shares of batches, and what processes agree on, as one process sees them."""

import keras
import numpy as np
import pytest

import transferlearn as tl
from transferlearn.data.batches import ItemBatches, arrays_beside
from transferlearn.distributing import processes


class Numbers:
    varies = ()

    def __init__(self, count):
        self.values = np.arange(float(count))[:, None]

    def __len__(self):
        return len(self.values)

    def start(self, rows, epoch=0):
        return lambda: self.values[rows]

    def as_seen(self, encoded, rows, epoch):
        return encoded


def batches():
    items = Numbers(73)
    return ItemBatches(items, arrays_beside([items.values * 2]), 16, shuffle=True, seed=3)


def test_the_shares_of_each_batch_are_the_batch():
    whole, shares = batches(), [batches().share(number, 4) for number in range(4)]
    for epoch in range(2):
        for each in (whole, *shares):
            each.epoch = epoch
        for index in range(len(whole)):
            parts = [share[index] for share in shares]
            for column, expected in enumerate(whole[index]):
                joined = np.concatenate([part[column] for part in parts])
                np.testing.assert_array_equal(joined, expected)
            assert max(len(part[0]) for part in parts) == -(-len(whole.rows(index)) // 4)
            assert {share.size(index) for share in shares} == {len(whole.rows(index))}


def test_batches_as_long_as_their_longest_item_have_no_shares():
    source = batches()
    source._items.varies = (True,)
    assert source.share(0, 2) is None


def test_one_process_decides_alone():
    alone = processes()
    assert alone.is_first
    assert alone.seed() is None
    assert alone.from_first(lambda: 7) == 7
    alone.check_same("weights", 3)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX is not refused")
def test_another_backend_is_refused():
    with pytest.raises(ValueError, match="set KERAS_BACKEND=jax before Python starts"):
        tl.distribute()
