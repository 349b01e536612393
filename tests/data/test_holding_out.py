"""Which items are held out."""

import hashlib

import numpy as np
import pytest

from transferlearn.data.holding_out import hold_out

pytestmark = pytest.mark.core


def contents(count, first=0):
    return [hashlib.sha256(str(i).encode()).hexdigest() for i in range(first, first + count)]


def test_the_share_of_each_stratum_whatever_the_order():
    hashes, strata = contents(300), np.arange(300) % 3
    held = hold_out(hashes, None, strata, 0.2, 7)
    assert np.bincount(strata[held]).tolist() == [20, 20, 20]
    order = np.random.default_rng(0).permutation(300)
    again = hold_out([hashes[i] for i in order], None, strata[order], 0.2, 7)
    assert np.array_equal(again, held[order])


def test_another_seed_holds_out_others_and_none_is_0():
    hashes = contents(300)
    first, second = (hold_out(hashes, None, None, 0.2, seed) for seed in (0, 1))
    assert (first & second).sum() < 30  # by chance 12 of 60
    assert np.array_equal(first, hold_out(hashes, None, None, 0.2, None))
    for wrong in (-1, 0.5):
        with pytest.raises(ValueError, match="seed is a whole number"):
            hold_out(hashes, None, None, 0.2, wrong)


def test_few_change_sides_where_items_are_added():
    hashes, strata = contents(2200), np.arange(2200) % 4
    for groups in (np.arange(2200), np.arange(2200) // 2):
        before = hold_out(hashes[:2000], groups[:2000], strata[:2000], 0.2, 0)
        after = hold_out(hashes, groups, strata, 0.2, 0)[:2000]
        assert 0 < (before != after).mean() < 0.05


def test_groups_stay_whole_and_near_the_share():
    groups = np.random.default_rng(0).integers(0, 60, 600)
    strata = groups % 3
    held = hold_out(contents(600), groups, strata, 0.2, 0)
    assert not set(groups[held]) & set(groups[~held])
    shares = np.bincount(strata[held]) / np.bincount(strata)
    assert ((shares > 0.14) & (shares < 0.26)).all()


def test_a_group_of_several_strata_is_held_out_once():
    groups, strata = np.arange(200) // 2, np.arange(200) % 2
    held = hold_out(contents(200), groups, strata, 0.1, 0)
    assert not set(groups[held]) & set(groups[~held])
    assert np.bincount(strata[held]).tolist() == [10, 10]


@pytest.mark.parametrize("fraction", [0.01, 0.5, 0.99])
def test_a_stratum_of_several_groups_is_on_both_sides_and_one_of_one_is_kept(fraction):
    groups = np.repeat(np.arange(7), [1, 30, 30, 2, 1, 30, 1])
    strata = np.repeat([0, 1, 1, 2, 2, 3, 3], [1, 30, 30, 2, 1, 30, 1])
    held = hold_out(contents(len(groups)), groups, strata, fraction, 0)
    assert set(strata[held]) == {1, 2, 3}
    assert set(strata[~held]) == {0, 1, 2, 3}


def test_large_groups_are_held_out_no_more_often():
    sizes = np.array([1] * 100 + [10] * 10)
    groups = np.repeat(np.arange(110), sizes)
    hashes = contents(200)
    large = [hold_out(hashes, groups, None, 0.5, seed)[100:].mean() for seed in range(40)]
    assert 0.4 < np.mean(large) < 0.6
