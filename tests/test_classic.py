"""The classic article: ImageDataGenerator, frozen VGG16 or ResNet50, Flatten, Dense 128."""

import importlib
from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests.networks import pixels

tensorflow = pytest.importorskip("tensorflow")
SIZE = (48, 48)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("classic")
    for part, seed in (("train", 1), ("validation", 2)):
        for i, image in enumerate(pixels(18, 48, seed=seed)):
            file = root / part / "abc"[i % 3] / f"{i:02}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(file)
    return root


def flow(folder, *, shuffle):
    image = importlib.import_module("tensorflow.keras.preprocessing.image")
    generator = image.ImageDataGenerator(rescale=1.0 / 255)
    return generator.flow_from_directory(
        folder, target_size=SIZE, batch_size=6, class_mode="categorical", shuffle=shuffle
    )


def classic(name, weights):
    return tl.ImageClassifierBuilder(
        name,
        weights=weights,
        head=tl.heads.FlattenDense((128,)),
        freeze="all",
        optimizer=keras.optimizers.Adam(),
        loss="categorical_crossentropy",
        seed=0,
    )


def local_weights(name, folder):
    keras.utils.set_random_seed(3)
    network = getattr(keras.applications, name)(
        weights=None, include_top=False, input_shape=(*SIZE, 3)
    )
    network.save_weights(folder / f"{name}.weights.h5")
    return folder / f"{name}.weights.h5"


@pytest.mark.full
@pytest.mark.parametrize("name", ["VGG16", pytest.param("ResNet50", marks=pytest.mark.full)])
def test_the_classic_job(name, photos, tmp_path):
    builder = classic(name, local_weights(name, tmp_path))
    train, validation = (flow(photos / part, shuffle=True) for part in ("train", "validation"))
    fitted = builder.fit(train, validation_data=validation, epochs=10, verbose=0)
    assert fitted.class_names == ("a", "b", "c")
    assert len(fitted.history.epoch) == 10
    assert fitted.kind.interpolation == "nearest"
    assert fitted.evaluate(photos / "train").accuracy > 0.5
    names = [layer.name for layer in fitted.model.layers]
    assert names[-3:] == ["head_flatten", "head_dense_1", "predictions"]


@pytest.mark.full
def test_the_generators_rescale_changes_nothing(photos, tmp_path):
    weights = local_weights("VGG16", tmp_path)
    files = sorted((photos / "train").rglob("*.png"))
    raw = np.stack([np.asarray(Image.open(file)) for file in files])
    ids = np.array(["abc".index(file.parent.name) for file in files])
    arrays = tensorflow.data.Dataset.from_tensor_slices((raw, np.eye(3)[ids])).batch(6)
    scaled = classic("VGG16", weights).fit(
        flow(photos / "train", shuffle=False), flow(photos / "validation", shuffle=False),
        epochs=2, verbose=0,
    )  # fmt: skip
    named = replace(classic("VGG16", weights), class_names=["a", "b", "c"])
    plain = named.fit(
        arrays, flow(photos / "validation", shuffle=False), epochs=2, verbose=0,
    )  # fmt: skip
    for a, b in zip(scaled.model.weights, plain.model.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
