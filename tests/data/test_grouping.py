"""Which items stay together: copies, near copies and given groups."""

import itertools
import time

import numpy as np
import pytest

from transferlearn.data import DataWarning
from transferlearn.data.grouping import group_items

pytestmark = pytest.mark.core


def parts(groups):
    """The sets of items that have one number."""
    return {frozenset(np.flatnonzero(groups == group).tolist()) for group in groups}


def together(likenesses, *, hashes=None, given=None, strata=None):
    hashes = [str(i) for i in range(len(likenesses))] if hashes is None else hashes
    return parts(group_items(hashes, likenesses, given, strata, lambda i: f"image {i}"))


def flipped(value, *bits):
    for bit in bits:
        value ^= 1 << bit
    return value


def test_up_to_two_bits_wherever_they_are():
    start = 0x123456789ABCDEF0
    for bits in itertools.combinations((0, 1, 3, 4, 17, 40, 62, 63), 2):
        assert together([start, flipped(start, *bits)]) == {frozenset({0, 1})}
        third = next(bit for bit in (5, 6, 33) if bit not in bits)
        assert len(together([start, flipped(start, *bits, third)])) == 2


def test_near_pairs_are_those_that_all_comparisons_find():
    rng = np.random.default_rng(0)
    few = rng.integers(0, 2**12, 150)
    values = [int(value) << shift for value, shift in zip(few, itertools.cycle([0, 26, 52]))]
    near = [
        {i, j}
        for i, j in itertools.combinations(range(150), 2)
        if (values[i] ^ values[j]).bit_count() <= 2
    ]
    assert near
    found = group_items(list(map(str, range(150))), values, None, np.arange(150), str)
    expected = np.arange(150)
    for _ in range(150):
        for i, j in map(sorted, near):
            expected[[i, j]] = min(expected[i], expected[j])
    assert parts(found) == parts(expected)


def test_chains_copies_and_groups_join():
    likenesses = [0b1, 0b111, 0b11111, None, None, 0xF << 40, 0xF << 50, 0xF << 60]
    hashes = ["a", "b", "c", "d", "d", "e", "f", "g"]
    given = ["x", "y", "y", "z", "v", "v", "w", "w"]
    found = together(likenesses, hashes=hashes)
    assert found == {frozenset({0, 1, 2}), frozenset({3, 4}), *(frozenset({i}) for i in (5, 6, 7))}
    found = together(likenesses, hashes=hashes, given=given)
    assert found == {frozenset({0, 1, 2}), frozenset({3, 4, 5}), frozenset({6, 7})}


@pytest.mark.parametrize(("count", "large"), [(5, False), (6, True)])
def test_many_that_look_alike_are_no_copies_and_that_is_said(count, large):
    rng = np.random.default_rng(0)
    others = [int(value) for value in rng.integers(0, 2**62, 40)]
    hashes = ["copy", "copy", *map(str, range(count - 2 + len(others)))]
    likenesses, strata = [0] * count + others, np.zeros(count + len(others), int)
    if large:
        with pytest.warns(DataWarning, match="6 images look alike .* image 0 and image 2"):
            found = together(likenesses, hashes=hashes, strata=strata)
        assert frozenset({0, 1}) in found
        assert len(found) == 45
    else:
        assert frozenset(range(5)) in together(likenesses, hashes=hashes, strata=strata)


def test_six_are_few_in_a_large_class_and_many_in_a_small_one():
    others = [int(value) for value in np.random.default_rng(0).integers(0, 2**62, 194)]
    assert frozenset(range(6)) in together([0] * 6 + others)
    strata = np.repeat([0, 1], [60, 140])
    with pytest.warns(DataWarning, match="6 images look alike"):
        assert frozenset({0}) in together([0] * 6 + others, strata=strata)


def test_six_copies_of_one_image_are_no_large_group():
    assert together([0] * 6, hashes=["one"] * 6) == {frozenset(range(6))}


def test_many_with_equal_bands_take_little_time():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2**16, 30000) | (rng.integers(0, 4, 30000) << 40)
    begin = time.process_time()
    with pytest.warns(DataWarning, match="look alike"):
        together(values.tolist())
    assert time.process_time() - begin < 15
