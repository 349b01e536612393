"""A single prediction goes the short way: one decode, one call of a network compiled once."""

import threading

import keras
import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.data import Images
from transferlearn.features.extraction import FeatureModel


@pytest.fixture(scope="module")
def fitted():
    builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
    labelled = pixels(30, 32, seed=1), np.array(["ant", "bee", "cat"] * 10)
    return builder.fit(labelled, epochs=1, verbose=0)


@pytest.fixture
def files(tmp_path):
    names = [tmp_path / f"{i}.png" for i in range(8)]
    for name, image in zip(names, pixels(8, 32, seed=5), strict=True):
        Image.fromarray(image).save(name)
    return names


@pytest.mark.core
def test_no_dataset_is_made_of_a_single_item(fitted, files, monkeypatch):
    image = Image.open(files[0])
    expected = fitted.predict([files[0]])[0].probabilities

    def refuse(*args, **settings):
        raise AssertionError("A single item went the long way.")

    monkeypatch.setattr(Images, "unlabelled", refuse)
    monkeypatch.setattr(FeatureModel, "__call__", refuse)
    for item in (files[0], str(files[0]), image, np.asarray(image)):
        assert fitted.predict(item).probabilities == pytest.approx(expected, abs=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="counts TensorFlow's traces")
def test_the_network_is_traced_once(fitted, files):
    fitted.predict(files[0])
    traces = fitted.model.predict_function.experimental_get_tracing_count()
    threads = threading.active_count()
    for name in files * 5:
        fitted.predict(name)
    assert fitted.model.predict_function.experimental_get_tracing_count() == traces
    assert threading.active_count() <= threads


@pytest.mark.core
def test_eight_threads_at_once_are_told_what_one_is(fitted, files):
    expected = [fitted.predict(name).probabilities for name in files]
    fitted.model.predict_function = None  # as after loading: the threads meet at the first trace
    told = [[] for _ in files]

    def ask(place):
        for turn in range(10):
            name = files[(place + turn) % len(files)]
            told[place].append(fitted.predict(name).probabilities)

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(len(files))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for place, answers in enumerate(told):
        wanted = [expected[(place + turn) % len(files)] for turn in range(10)]
        assert answers == pytest.approx(np.array(wanted), abs=1e-6)
