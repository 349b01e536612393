"""Saves that are killed at random times, over the save before."""

import os
import subprocess
import sys

import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone

pytestmark = pytest.mark.full

# A process is forked for each kill, since starting one with TensorFlow takes seconds. Saving reads
# variables and writes files, for which TensorFlow needs none of the threads that a fork leaves.
_SCRIPT = """
import os, pathlib, random, signal, sys, time
import numpy as np
import transferlearn as tl

random.seed(0)
sources = [tl.load(name) for name in ("one", "other")]
weights = [fitted.model.get_weights() for fitted in sources]
folder, begun, counts = pathlib.Path("saves"), time.monotonic(), [0, 0]
sources[0].save(folder / "saved")
took = time.monotonic() - begun

def which():
    found = tl.load(folder / "saved").model.get_weights()
    same = [all(map(np.array_equal, found, known)) for known in weights]
    return same.index(True)  # neither: an error

for kill in range(int(sys.argv[1])):
    child = os.fork()
    if child == 0:
        while True:
            for fitted in reversed(sources):
                fitted.save(folder / "saved")
    time.sleep(random.uniform(0, 4 * took))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    counts[which()] += 1
    if kill % 2:  # else the next child's save is the next one
        sources[kill // 2 % 2].save(folder / "saved")
        assert which() == kill // 2 % 2
        assert os.listdir(folder) == ["saved"], os.listdir(folder)
print(counts)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_two_hundred_kills_leave_a_whole_save(tmp_path):
    for seed, name in enumerate(("one", "other")):
        builder = tl.ImageClassifierBuilder(small_backbone(seed), freeze="all", seed=seed)
        fitted = builder.fit((pixels(18, 32), np.arange(18) % 3), epochs=1, verbose=0)
        fitted.save(tmp_path / name)
    (tmp_path / "saves").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, "200"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert all(int(count) > 20 for count in done.stdout.strip("[]\n").split(","))
