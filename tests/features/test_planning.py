"""Where the frozen part is cut for the store."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from tests.networks import assembled, small_backbone
from transferlearn.features.fingerprints import Fingerprints, digest
from transferlearn.features.planning import Candidate, NotStoredError, choose
from transferlearn.heads import PooledDense
from transferlearn.splitting import Cut, cuts, split

pytestmark = pytest.mark.core


def candidate(operations, item_bytes, missing=100, place="memory"):
    cut = Cut(tensors=(), operations=operations)
    return Candidate(cut=cut, item_bytes=item_bytes, missing=missing, place=place)


# VGG16 at 224 pixels: block1 and block5, with the bytes of what comes out of each.
EARLY, LATE = candidate(3.9e9, 3_211_264), candidate(30.7e9, 100_352)


def stored(given):
    return replace(given, missing=0)


def pick(candidates, epochs=10, must=False):
    return choose(candidates, items=100, epochs=epochs, must=must)


def test_the_last_cut_saves_most():
    assert pick([EARLY, LATE]) is LATE


def test_one_epoch_computes_nothing_twice():
    with pytest.raises(NotStoredError, match="would save no time in 1 epoch"):
        pick([EARLY, LATE], epochs=1)
    assert pick([EARLY, LATE], epochs=1, must=True) is LATE


def test_what_is_stored_already_changes_no_choice():
    with pytest.raises(NotStoredError, match="no time"):
        pick([EARLY, stored(LATE)], epochs=1)
    small, large = candidate(10.0e9, 4_000), candidate(10.01e9, 4_000_000)
    assert pick([small, stored(large)]) is small


def test_what_has_no_place_is_not_taken():
    nowhere = candidate(30.7e9, 100_352, place=None)
    assert pick([EARLY, nowhere]) is EARLY
    with pytest.raises(NotStoredError, match=r"it takes 10\.0 MB, more than there is room for"):
        pick([nowhere], must=True)


def test_little_work_and_many_bytes_are_not_worth_a_store():
    cheap = candidate(1e6, 10_000_000, place="disk")
    with pytest.raises(NotStoredError, match="no time"):
        pick([cheap])
    assert pick([cheap], must=True) is cheap


def test_an_earlier_cut_is_taken_where_few_bytes_are_worth_computing_a_little_again():
    large = candidate(10.01e9, 4_000_000)
    small = candidate(10.0e9, 4_000)
    assert pick([small, large]) is small


@pytest.fixture(scope="module")
def network():
    return assembled(small_backbone(), lambda x: PooledDense()(x, 3), (32, 32))


@pytest.mark.full
def test_cuts_reach_from_the_image_into_the_head(network):
    found = cuts(network, [True] * len(network.layers))
    assert [len(cut.tensors) for cut in found].count(2) >= 2
    assert [cut.in_head for cut in found] == sorted(cut.in_head for cut in found)
    assert found[0].tensors == tuple(network.model.inputs)
    assert found[-1].name == "head_pooling"
    operations = [cut.operations for cut in found]
    assert operations == sorted(operations)
    image = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype("float32")
    expected = network.model.predict(image, verbose=0)
    for cut in found[1:]:
        parts = split(network, cut)
        crossing = parts.trunk.predict(image, verbose=0)
        np.testing.assert_allclose(parts.tail.predict(crossing, verbose=0), expected, atol=1e-6)


def test_every_cut_has_a_fingerprint_of_its_own_and_the_same_in_a_copy(network):
    found = cuts(network, [True] * len(network.layers))
    prints = Fingerprints(network.model, found)
    assert len({prints.of(cut) for cut in found}) == len(found)
    keras.utils.clear_session()
    again = assembled(small_backbone(), lambda x: PooledDense()(x, 3), (32, 32))
    copies = cuts(again, [True] * len(again.layers))
    others = Fingerprints(again.model, copies)
    assert [prints.of(cut) for cut in found] == [others.of(cut) for cut in copies]


def test_a_weight_changes_the_fingerprints_behind_it_alone():
    net = assembled(small_backbone(), lambda x: PooledDense()(x, 3), (32, 32))
    found = cuts(net, [True] * len(net.layers))
    before = Fingerprints(net.model, found)
    bias = net.model.get_layer("dense_conv").bias
    bias.assign(bias + 1e-7)
    after = Fingerprints(net.model, found)
    names = [cut.name for cut in found]
    changed = [before.of(cut) != after.of(cut) for cut in found]
    first = names.index("re_lu_1, dense_conv")
    assert changed == [i >= first for i in range(len(found))]


def test_a_digest_tells_values_apart():
    zeros = np.zeros((2, 3), "float32")
    parts = [("ab", "c"), ("a", "bc"), (zeros,), (zeros.T,), (zeros.astype("float16"),), (None,)]
    assert len({digest(*part) for part in parts}) == len(parts)
