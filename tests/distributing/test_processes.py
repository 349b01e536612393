"""Two processes train what one does, each with its share of every batch."""

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("jax", reason="processes train together on JAX only")

pytestmark = [pytest.mark.core, pytest.mark.full]

PROGRAM = """
import os, sys
import transferlearn as tl

if "RANK" in os.environ:
    tl.distribute()
import numpy as np
from tests.networks import pixels, small_backbone

folder, kind = sys.argv[1:]
number, count = os.environ.get("RANK", "0"), os.environ.get("WORLD_SIZE", "1")
data = pixels(91, 32, seed=1), np.arange(91) % 3  # 73 to train on: the last batch has nine
freeze = "stem_bn" if kind == "live" else None
builder = tl.ImageClassifierBuilder(
    small_backbone(seed=0), seed=0, freeze=freeze, batch_size=16
)
cache = tl.Cache(directory=f"{folder}/store{count}") if kind == "stored" else False
fitted = builder.fit(
    data,
    epochs=2 if kind == "live" else None,
    schedule="auto" if kind == "stored" else None,
    validation_split=0.2,
    cache=cache,
)
history = fitted.history.history
probabilities = [list(x.probabilities.values()) for x in fitted.predict(list(data[0]))]
np.savez(
    f"{folder}/{count}-{number}.npz",
    *fitted.model.get_weights(),
    probabilities=probabilities,
    **{f"figures {name}": values for name, values in history.items()},
)
fitted.save(f"{folder}/saved{count}")
"""


def run(folder, kind, *before):
    program = folder / "program.py"
    program.write_text(PROGRAM, "utf-8")
    command = [sys.executable, *before, str(program), str(folder), kind]
    variables = os.environ | {"KERAS_BACKEND": "jax"}
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("kind", ["live", "stored"])
def test_two_processes_learn_what_one_does(tmp_path, kind):
    alone = run(tmp_path, kind)
    among = run(tmp_path, kind, "-m", "transferlearn.cli", "launch", "--processes", "2")
    one = dict(np.load(tmp_path / "1-0.npz"))
    weights = [name for name in one if name.startswith("arr_")]
    for number in range(2):
        two = dict(np.load(tmp_path / f"2-{number}.npz"))
        assert two.keys() == one.keys()
        apart = sum(np.sum((two[name] - one[name]) ** 2) for name in weights)
        assert apart**0.5 < 1e-5 * sum(np.sum(one[name] ** 2) for name in weights) ** 0.5
        for name in one.keys() - set(weights):
            np.testing.assert_allclose(two[name], one[name], atol=1e-6, rtol=1e-6, err_msg=name)
    assert (tmp_path / "saved2" / "model.keras").is_file()
    assert alone.count("Result: ") == among.count("Result: ") == 1  # the first process alone prints
