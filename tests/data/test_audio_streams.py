"""Recordings from `tf.data`: batched or not, of several channels, and Keras's folders of them."""

import keras
import numpy as np
import pytest

from tests.sounds import RATE, tones, write
from transferlearn.data import Audio, Classes, load, load_pair
from transferlearn.data.loading import Reading

tf = pytest.importorskip("tensorflow")
pytest.importorskip("soundfile")

KIND = Audio(sample_rate=RATE)
X, Y = tones(10)


def stream(*parts, batch=None):
    dataset = tf.data.Dataset.from_tensor_slices(parts if len(parts) > 1 else parts[0])
    return dataset.batch(batch) if batch else dataset


def rows(dataset):
    return dataset.items.start(np.arange(dataset.size))()


@pytest.mark.parametrize("batch", [None, 4])
@pytest.mark.parametrize("channels", [0, 1, 2])
def test_samples_and_labels_are_those_of_arrays(batch, channels):
    x = X if not channels else np.stack([X, X][:channels], axis=-1)
    found = load(stream(x, Y, batch=batch), KIND)
    wanted = load((list(X), Y), KIND)
    np.testing.assert_array_equal(rows(found), rows(wanted))
    assert found.targets.class_names == ("high", "low")
    np.testing.assert_array_equal(found.targets.labels, wanted.targets.labels)
    assert found.content_hashes() == wanted.content_hashes()
    found = KIND.unlabelled(stream(x, batch=batch))
    np.testing.assert_array_equal(rows(found), X)


def test_weights_and_one_hot_rows():
    ids = (Y == "low").astype(int)
    found = load(stream(X, np.eye(2)[ids], np.arange(10.0), batch=4), KIND)
    np.testing.assert_array_equal(found.targets.labels, ids)
    np.testing.assert_array_equal(found.sample_weight, np.arange(10.0))
    found = load(stream(X, np.eye(2)[ids]), KIND)
    np.testing.assert_array_equal(found.targets.labels, ids)


@pytest.mark.parametrize(
    "settings",
    [
        {"output_sequence_length": RATE // 2},
        {"label_mode": "categorical"},
        {"label_mode": "binary", "batch_size": 3},
        {"ragged": True},
    ],
)
def test_keras_folder_of_recordings(tmp_path, settings):
    folder = write(tmp_path / "tones", X, Y)
    made = keras.utils.audio_dataset_from_directory(
        folder, shuffle=False, verbose=False, **settings
    )
    found, wanted = load(made, KIND), load(folder, KIND)
    assert found.targets.class_names == ("high", "low")
    np.testing.assert_array_equal(found.targets.labels, wanted.targets.labels)
    np.testing.assert_allclose(rows(found), rows(wanted), atol=1e-6)
    train, held_out = load_pair(made, reading=Reading(KIND, Classes()), validation_split=0.2)
    assert (train.size, held_out.size) == (8, 2)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: stream(X, Y).repeat(), r"take\(n\)"),
        (lambda: stream(X), r"to learn from them \(samples, label\)"),
        (lambda: stream(X[:, 0], Y), "holds samples"),
        (lambda: stream(X.astype(str), Y), "holds samples"),
        (lambda: stream(X, Y).take(0), "is empty"),
        (lambda: stream(X, Y).skip(10), "is empty"),
    ],
)
def test_other_streams_are_refused(made, said):
    with pytest.raises(ValueError, match=said):
        load(made(), KIND)
