"""The pass over frozen layers alone, which the next fit finds."""

import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.features import memory

DATA = pixels(40, 32, seed=1), np.array([0, 1] * 20)
HELD_OUT = pixels(10, 32, seed=2), np.array([0, 1] * 5)


@pytest.fixture
def builder():
    return tl.ImageClassifierBuilder(small_backbone(), freeze="all", seed=0)


@pytest.mark.core
@pytest.mark.parametrize("schedule", ["auto", "one-phase"])
def test_the_next_fit_computes_nothing(builder, tmp_path, schedule, capsys):
    cache = tl.Cache(directory=tmp_path)
    stored = tl.extract(builder, DATA, HELD_OUT, cache=cache, schedule=schedule)
    assert capsys.readouterr().out.startswith("Cache: computed once up to head_pooling")
    assert stored.computed == (90 if schedule == "auto" else 50)  # `auto` looks at mirrored ones
    assert stored.where.startswith(str(tmp_path))
    memory._remembered.clear()  # as if a new process began
    fitted = builder.fit(DATA, HELD_OUT, cache=cache, schedule=schedule, epochs=2, verbose=0)
    assert fitted.phases[0].stored.computed == 0
    assert tl.extract(builder, DATA, cache=cache, verbose=0).computed == 0


def test_a_training_that_was_extracted_trains_as_one_that_was_not(builder, tmp_path):
    cache = tl.Cache(directory=tmp_path)
    ready = builder.prepare(DATA, epochs=2, cache=cache)
    tl.extract(ready, cache=cache, verbose=0)
    after = ready.run(verbose=0)
    whole = builder.fit(DATA, epochs=2, verbose=0)
    for a, b in zip(after.model.get_weights(), whole.model.get_weights(), strict=True):
        assert (a == b).all()


def test_what_cannot_be_extracted_is_refused_with_the_line_to_write(builder, tmp_path):
    cache = tl.Cache(directory=tmp_path)
    with pytest.raises(ValueError, match=r'cache=tl.Cache\(directory="features"\)'):
        tl.extract(builder, DATA, cache=tl.Cache())
    with pytest.raises(TypeError, match=r'extract\(builder, "photos", cache=cache\)'):
        tl.extract(builder, cache=cache)
    unfrozen = tl.ImageClassifierBuilder(small_backbone(), freeze="none")
    with pytest.raises(ValueError, match="no layer at the network's beginning is frozen"):
        tl.extract(unfrozen, DATA, cache=cache, verbose=0)
