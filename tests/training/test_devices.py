"""Training on four devices of one process comes out as on one; JAX simulates the devices."""

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("jax", reason="Keras divides batches among devices on JAX only")

pytestmark = pytest.mark.core

SCRIPT = """
import sys
import keras, numpy as np
import transferlearn as tl
from tests.networks import pixels, small_backbone

file, cached = sys.argv[1:]
devices = keras.distribution.list_devices()
if len(devices) > 1:
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
data = pixels(91, 32, seed=1), np.arange(91) % 3
builder = tl.ImageClassifierBuilder(
    small_backbone(seed=0), seed=0, freeze="stem_bn", batch_size=16
)
fitted = builder.fit(data, epochs=2, schedule=None, cache=cached == "True", verbose=0)
held_out = [fitted.history.history[name][-1] for name in ("loss", "accuracy", "val_loss")]
probabilities = [list(x.probabilities.values()) for x in fitted.predict(list(data[0]))]
np.savez(file, *fitted.model.get_weights(), figures=held_out, probabilities=probabilities)
"""


def trained(file, devices, cached):
    variables = os.environ | {
        "KERAS_BACKEND": "jax",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    }
    command = [sys.executable, "-c", SCRIPT, str(file), str(cached)]
    subprocess.run(command, env=variables, check=True, capture_output=True)
    with np.load(file) as found:
        return dict(found)


@pytest.mark.parametrize("cached", [False, True])
def test_four_devices_learn_what_one_does(tmp_path, cached):
    one = trained(tmp_path / "one.npz", 1, cached)
    four = trained(tmp_path / "four.npz", 4, cached)
    for name, values in one.items():  # 73 items to train on: the last batch has 9, and 9 % 4 is 1
        np.testing.assert_allclose(four[name], values, rtol=1e-5, atol=1e-6, err_msg=name)
