"""A config that names layers of the user's own describes no more weights than the file has."""

import resource

import keras
import pytest

import transferlearn as tl
from tests.attacks.files import keras_file, rewrite_config


@keras.saving.register_keras_serializable("sizes")
class Scaled(keras.layers.Layer):
    """A layer of the user's own, with as many weights as it is told."""

    def __init__(self, units=2, **options):
        super().__init__(**options)
        self.units = units

    def build(self, shape):
        self.scale = self.add_weight(shape=(self.units,))

    def call(self, x):
        return x * 2

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("sizes")
class Measured(keras.layers.Layer):
    """A layer of the user's own that reads its weight while it is built."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(1,), initializer="ones")
        self.first = float(keras.ops.convert_to_numpy(self.scale)[0])

    def call(self, x):
        return x * self.first


@pytest.fixture
def file(tmp_path):
    image = keras.Input((8, 8, 3))
    x = Scaled(name="own")(keras.layers.Conv2D(2, 3, name="conv")(image))
    x = keras.layers.Dense(4, name="dense")(keras.layers.GlobalAveragePooling2D()(x))
    return keras_file(tmp_path / "model.keras", keras.Model(image, x))


def test_an_honest_one_is_read(file):
    assert tl.read_model(file).count_params() == 56 + 2 + 12


def test_a_layer_that_needs_values_is_read(tmp_path):
    image = keras.Input((4,))
    model = keras.Model(image, Measured()(keras.layers.Dense(2)(image)))
    assert tl.read_model(keras_file(tmp_path / "m.keras", model)).count_params() == 11


@pytest.mark.parametrize(
    ("layer", "setting"), [("conv", "filters"), ("own", "units"), ("dense", "units")]
)
def test_more_weights_than_the_file_has(file, layer, setting):
    def enlarge(config):
        (found,) = (x for x in config["config"]["layers"] if x["config"]["name"] == layer)
        found["config"][setting] = 10**8

    rewrite_config(file, enlarge)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"describes [\d,]{11,} bytes of weights"):
        tl.read_model(file)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes
