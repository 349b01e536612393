"""Features and their place in a plane."""

import sys

import numpy as np
import pytest

import transferlearn as tl
from tests import made

pytestmark = pytest.mark.core


def test_features_are_what_the_last_layer_reads():
    fitted, images = made.of_colours([[4, 0], [0, 0], [0, 4]]), made.photos()
    found = tl.explaining.features(fitted, (images, ["red", "blue"]))
    np.testing.assert_allclose(found, images.mean(axis=(1, 2)) / 255, atol=1e-5)


def test_the_plane_is_that_of_the_principal_components():
    sklearn = pytest.importorskip("sklearn.decomposition")
    features = np.random.default_rng(0).normal(size=(40, 6)) * [5, 1, 3, 0.1, 1, 1]
    found = tl.explaining.in_plane(features)
    expected = sklearn.PCA(2).fit_transform(features)
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found * signs, expected, atol=1e-4)
    np.testing.assert_array_equal(found, tl.explaining.in_plane(features))


@pytest.mark.parametrize("shape", [(1, 5), (2, 1), (3, 0)])
def test_few_items_and_few_features_have_a_place(shape):
    found = tl.explaining.in_plane(np.ones(shape))
    np.testing.assert_array_equal(found, np.zeros((shape[0], 2)))


def test_lost_features_have_no_place():
    features = np.array([[1.0, 2], [np.nan, 0], [3, 4], [5, 7]])
    found = tl.explaining.in_plane(features)
    assert np.isnan(found).all(axis=1).tolist() == [False, True, False, False]


def test_umap_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match="pip install umap-learn"):
        tl.explaining.in_plane(np.eye(5), by="umap")
    with pytest.raises(ValueError, match="'pca' or 'umap'"):
        tl.explaining.in_plane(np.eye(5), by="tsne")
