"""Generators and `tf.data` are stored where they repeat themselves, and elsewhere that is said."""

import keras
import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests.networks import pixels, small_backbone
from tests.phase_words import cache_of

tf = pytest.importorskip("tensorflow", reason="tf.data and ImageDataGenerator are TensorFlow's")
from tensorflow.keras.preprocessing.image import ImageDataGenerator  # noqa: E402, TID251

X, Y = pixels(36, 32, seed=1), np.arange(36) % 3
NAMES = ["class0", "class1", "class2"]


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos")
    for i, (image, label) in enumerate(zip(X, Y, strict=True)):
        (path / f"class{label}").mkdir(exist_ok=True)
        Image.fromarray(image).save(path / f"class{label}" / f"{i}.png")
    return path


def fit(backbone, train, cache, *, names=range(3), epochs=3, callbacks=None, **options):
    head = tl.heads.PooledDense(dropout=0.3)
    builder = tl.ImageClassifierBuilder(backbone, freeze="all", head=head, seed=0, **options)
    held_out = pixels(12, 32, seed=2), np.array(names)[np.arange(12) % 3]
    return builder.fit(train, held_out, epochs=epochs, cache=cache, callbacks=callbacks, verbose=0)


def check_equal(stored, live):
    assert "computed once" in cache_of(stored.phases[0])
    assert "computed once" not in cache_of(live.phases[0])
    for a, b in zip(stored.model.get_weights(), live.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.full
@pytest.mark.parametrize("seed", [pytest.param(4, marks=pytest.mark.full), None])
def test_the_classic_job_is_stored_in_its_own_order(backbone, folder, seed):
    def flow():
        generator = ImageDataGenerator(rescale=1 / 255)
        return generator.flow_from_directory(
            folder, target_size=(32, 32), batch_size=8, shuffle=True, seed=seed
        )

    stored, live = (fit(backbone, flow(), cache, names=NAMES) for cache in ("auto", False))
    assert "36 images and 12 held out" in cache_of(stored.phases[0])
    check_equal(stored, live)


def test_a_generator_that_changes_images_is_trained_live_and_says_by_what(backbone, folder):
    flow = ImageDataGenerator(horizontal_flip=True).flow_from_directory(folder, (32, 32))
    assert "horizontal_flip" in cache_of(fit(backbone, flow, "auto", names=NAMES).phases[0])
    with pytest.raises(ValueError, match=r"cache=True.*horizontal_flip"):
        fit(backbone, flow, True, names=NAMES)


def test_a_fixed_tf_data_pipeline_is_stored_in_its_order(backbone):
    train = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
    stored, live = (fit(backbone, train, cache) for cache in (True, False))
    check_equal(stored, live)


def test_a_shuffling_tf_data_pipeline_is_stored(backbone):
    train = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(36, seed=1).batch(8)
    fitted = fit(backbone, train, "auto")
    assert "36 images and 12 held out" in cache_of(fitted.phases[0])


def test_a_hidden_augmentation_is_found_and_trained_live(backbone, capsys):
    rng = np.random.default_rng(0)

    def turn(image):
        return np.rot90(image, rng.integers(4)).copy()

    def augment(image, label):
        return tf.ensure_shape(tf.numpy_function(turn, [image], tf.uint8), (32, 32, 3)), label

    train = tf.data.Dataset.from_tensor_slices((X, Y)).map(augment).batch(8)
    builder = tl.ImageClassifierBuilder(backbone, freeze="all", seed=0)
    fitted = builder.fit(train, epochs=2, validation_split=0, verbose=2)
    assert "nothing is stored" in cache_of(fitted.phases[0])
    assert "at random" in cache_of(fitted.phases[0])
    assert f"Cache: {cache_of(fitted.phases[0])}." in capsys.readouterr().out
    with pytest.raises(ValueError, match="cache=True"):
        fit(backbone, train, True)


@pytest.mark.full
def test_a_tf_data_pipeline_that_is_not_stored_is_not_mixed(backbone):
    train = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
    with pytest.raises(ValueError, match=r"mixup of a tf.data.Dataset"):
        fit(backbone, train, False, mixup=0.2)
    assert fit(backbone, train, True, mixup=0.2).history.epoch == [0, 1, 2]


@pytest.mark.full
def test_tensorboard_and_backup_write_the_same(backbone, tmp_path):
    written = []
    for cache in (True, False):
        path = tmp_path / str(cache)
        callbacks = [
            keras.callbacks.TensorBoard(path / "logs", histogram_freq=1),
            keras.callbacks.BackupAndRestore(path / "backup"),
            keras.callbacks.CSVLogger(path / "log.csv"),
        ]
        path.mkdir()
        fit(backbone, (X, Y), cache, callbacks=callbacks)
        files = sorted(f.parent.name for f in (path / "logs").rglob("*") if f.is_file())
        rows = np.genfromtxt(path / "log.csv", delimiter=",", names=True)
        written.append((files, rows))
    assert written[0][0] == written[1][0]
    assert len(written[0][0]) >= 2
    for name in written[1][1].dtype.names:
        np.testing.assert_allclose(written[0][1][name], written[1][1][name], rtol=1e-3)
