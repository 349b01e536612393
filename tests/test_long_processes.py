"""Long and busy processes: many fits and predictions in one, and several on one store and study."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone

pytestmark = pytest.mark.full
ROOT = Path(__file__).parent.parent
X = pixels(32, 32)
Y = np.arange(32) % 2
THREADS, TURNS = 8, 1250  # 10,000 predictions
MEGABYTE = 2**20


def resident():
    """The bytes of memory that this process holds now."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    (size,) = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return int(size) * 1024


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


def fit(backbone, seed=0, **options):
    builder = tl.ImageClassifierBuilder(backbone, freeze="all", seed=seed)
    return builder.fit((X, Y), epochs=1, schedule="one-phase", verbose=0, **options)


def test_ten_thousand_predictions_by_eight_threads_are_right_and_memory_is_level(backbone):
    fitted = fit(backbone)
    expected = np.array([[*fitted.predict(x).probabilities.values()] for x in X])
    wrong = []

    def ask(place, turns):
        for turn in range(turns):
            item = (place + turn) % len(X)
            found = [*fitted.predict(X[item]).probabilities.values()]
            if not np.allclose(found, expected[item], atol=1e-6):
                wrong.append(item)

    def all_ask(turns):
        threads = [threading.Thread(target=ask, args=(i, turns)) for i in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    all_ask(50)  # what is made once
    before = resident()
    all_ask(TURNS)
    assert not wrong
    assert resident() - before < 50 * MEGABYTE


def test_fifty_fits_keep_memory_level(backbone):
    sizes = []
    for i in range(50):
        fit(backbone, seed=i)
        sizes.append(resident() / MEGABYTE)
    # The first ones fill what is kept for later. TensorFlow keeps the graphs of each `fit`
    # (keras-team/keras#17458), so the second half may grow, by less than a model and its data.
    assert sizes[-1] - sizes[24] < 25 * 8, [round(size) for size in sizes]


_PROCESS = """
import json, sys
import transferlearn as tl
from tests.test_long_processes import X, Y, fit, small_backbone

store, study = sys.argv[1:]
cache = tl.Cache(directory=store, memory=0)
fitted = fit(small_backbone(), cache=cache)
builder = tl.ImageClassifierBuilder(small_backbone(), freeze="all", seed=0)
space = {"learning_rate": [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6]}
options = {"epochs": 1, "schedule": "one-phase", "cache": cache, "verbose": 0}
found = tl.search(builder, space, (X, Y), trials=6, storage=study, **options)
weights = [float(abs(w.numpy()).sum()) for w in fitted.model.weights]
numbers = sorted(trial.number for trial in found.trials)
print(json.dumps({"weights": weights, "best": found.score, "numbers": numbers}))
"""


def test_four_processes_share_a_store_and_a_study(tmp_path):
    pytest.importorskip("optuna")
    arguments = [
        sys.executable,
        "-c",
        _PROCESS,
        str(tmp_path / "store"),
        str(tmp_path / "study.db"),
    ]
    running = [
        subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    ended = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0] * 4, ended[0][1].decode()[-2000:]
    told = [json.loads(out.splitlines()[-1]) for out, _ in ended]
    alone = fit(small_backbone(), cache=tl.Cache(directory=tmp_path / "other", memory=0))
    expected = [float(np.abs(w).sum()) for w in alone.model.get_weights()]
    for found in told:
        assert found["weights"] == pytest.approx(expected, rel=1e-5)
        assert found["best"] == told[0]["best"]
        assert found["numbers"] == told[0]["numbers"]
    assert not list((tmp_path / "store").rglob("*.tmp"))
