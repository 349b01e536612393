import functools
import warnings

import keras
import numpy as np
import pytest

from tests.networks import small_model
from transferlearn import backbones

pytestmark = pytest.mark.core
SIZE = (32, 32)
OFFICIAL = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"


def vgg16(seed=3):
    keras.utils.set_random_seed(seed)
    return keras.applications.VGG16(weights=None, include_top=False, input_shape=(*SIZE, 3))


def save(model, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith(".weights.h5"):
        model.save_weights(path)
    else:
        with warnings.catch_warnings(action="ignore"):
            model.save(path)  # the format of Keras's own published files
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """VGG16's weights in both formats; `file("x.h5")` copies to a place of that name."""
    folder = tmp_path_factory.mktemp("vgg16")
    new, old = (save(vgg16(), folder / name) for name in ("w.weights.h5", "w.h5"))

    def copy(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        source = new if path.name.endswith(".weights.h5") else old
        path.write_bytes(source.read_bytes())
        return path

    return copy


@pytest.fixture
def failing(monkeypatch):
    """Makes Keras's download of VGG16 fail, as it does without a network."""
    build = keras.applications.VGG16

    def fail(error):
        @functools.wraps(build)
        def function(*, weights, **options):
            if weights == "imagenet":
                raise error
            return build(weights=weights, **options)

        monkeypatch.setattr(keras.applications, "VGG16", function)

    return fail


def load(weights):
    return backbones.get("VGG16", weights=weights, image_size=SIZE)


def check_loaded(backbone, path):
    for ours, theirs in zip(backbone.model.get_weights(), vgg16().get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert backbone.source == str(path)
    assert backbone.pretrained


@pytest.mark.parametrize("name", ["mine.weights.h5", "mine.h5"])
def test_a_local_file(name, file, tmp_path):
    path = file(tmp_path / name)
    check_loaded(load(path), path)
    assert not np.array_equal(load(str(path)).model.get_weights()[0], vgg16(4).get_weights()[0])


@pytest.mark.full
@pytest.mark.parametrize("name", ["VGG16.weights.h5", "VGG16.h5", OFFICIAL])
def test_the_folder_of_weights(name, file, tmp_path, monkeypatch, failing):
    failing(AssertionError("asked for a download"))
    path = file(tmp_path / "weights" / name)
    monkeypatch.setenv("TRANSFERLEARN_WEIGHTS", str(path.parent))
    check_loaded(load("imagenet"), path)


def test_the_folder_is_for_imagenet_only(file, tmp_path, monkeypatch):
    file(tmp_path / "VGG16.weights.h5")
    monkeypatch.setenv("TRANSFERLEARN_WEIGHTS", str(tmp_path))
    assert load(None).source == "random weights"
    assert load(file(tmp_path / "other.h5")).source == str(tmp_path / "other.h5")


def test_the_variable_names_no_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFERLEARN_WEIGHTS", str(tmp_path / "gone"))
    with pytest.raises(OSError, match=r"TRANSFERLEARN_WEIGHTS names .*gone, which is not a folder"):
        load("imagenet")


def test_random_weights():
    backbone = load(None)
    assert not backbone.pretrained
    assert backbone.source == "random weights"


@pytest.mark.parametrize("weights", ["no/such/file.h5", "imagenett", "."])
def test_a_missing_file(weights):
    with pytest.raises(OSError, match=rf"No weight file at {weights}.*'imagenet', None"):
        load(weights)


@pytest.mark.parametrize("name", ["small.weights.h5", "small.h5"])
def test_a_file_of_another_network(name, tmp_path):
    path = save(small_model(), tmp_path / name)
    with pytest.raises(ValueError, match=rf"{name} does not fit VGG16"):
        load(path)


def test_a_file_that_holds_no_weights(tmp_path):
    path = tmp_path / "page.h5"
    path.write_text("<html>404</html>")
    with pytest.raises(ValueError, match=r"page.h5 does not fit VGG16.*include_top=False"):
        load(path)


def test_a_failed_download_says_what_to_do(failing, monkeypatch, tmp_path):
    failing(Exception("URL fetch failure on https://storage/vgg16.h5: None -- no route"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    with pytest.raises(OSError) as failure:
        load("imagenet")
    said = str(failure.value)
    assert "https://storage/vgg16.h5: None -- no route" in said
    assert f"{OFFICIAL} in {tmp_path / 'home' / 'models'}" in said
    assert "TRANSFERLEARN_WEIGHTS is not set" in said
    assert "VGG16.weights.h5" in said
    assert "'EfficientNetLite0' works offline" in said
    monkeypatch.setenv("TRANSFERLEARN_WEIGHTS", str(tmp_path))
    with pytest.raises(OSError, match=f"Tried: the folder {tmp_path}"):
        load("imagenet")


def test_a_damaged_download_says_what_to_do_too(failing):
    failing(ValueError("Incomplete or corrupted file detected."))
    with pytest.raises(OSError, match=r"Incomplete or corrupted file.*EfficientNetLite0"):
        load("imagenet")


def test_images_too_small_are_no_failed_download():
    with pytest.raises(ValueError, match="at least 32x32"):
        backbones.get("VGG16", weights="imagenet", image_size=(16, 16))


def test_a_model_of_ones_own_takes_a_file(tmp_path):
    keras.utils.set_random_seed(1)
    path = save(small_model(), tmp_path / "mine.weights.h5")
    keras.utils.set_random_seed(2)
    other = small_model()
    backbone = backbones.get(other, weights=path)
    keras.utils.set_random_seed(1)
    for ours, theirs in zip(backbone.model.get_weights(), small_model().get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(other.get_weights()[0], backbone.model.get_weights()[0])
