"""Models that answer for each pixel leave references, and are watched by them."""

import numpy as np
import pytest

import transferlearn as tl
from tests.masks import scenes
from tests.networks import small_backbone
from tests.pictures import blocks, darker
from transferlearn.measuring import in_training

pytestmark = [pytest.mark.core, pytest.mark.full]
FEATURES = ("stride_2", "stride_4")


@pytest.fixture(autouse=True)
def time_for_references(monkeypatch):
    monkeypatch.setattr(in_training, "_LEAST_SECONDS", 20.0)


def segmenter():
    head = tl.heads.SegFormerDecoder(width=16, features=FEATURES)
    options = {"head": head, "seed": 0, "batch_size": 8, "image_size": (32, 32)}
    return tl.ImageSegmenterBuilder(small_backbone(), **options), scenes


def pairs(count, seed=0):
    sharp = blocks(count, seed=seed)
    return darker(sharp), sharp


def painter():
    head = tl.heads.PictureUNet(width=4, features=("image", *FEATURES))
    return tl.ImageToImageBuilder(small_backbone(), head=head, seed=0, batch_size=8), pairs


@pytest.mark.parametrize(("make", "outputs"), [(segmenter, 3), (painter, 3)])
def test_it_is_held_out_saved_and_watched_by(make, outputs, tmp_path):
    builder, items = make()
    fitted = builder.fit(items(48), items(64, seed=1), epochs=2, cache=True, verbose=0)
    fitted.save(tmp_path / "save")
    model = tl.load(tmp_path / "save")
    known = model.reference
    assert (known.how, len(known)) == ("held-out", 64)
    named = [name for name in known.signals.names if name.startswith("output ")]
    assert len(named) == outputs
    assert "axis 1" in known.signals.names
    photos, targets = items(40, seed=2)
    same = tl.monitor(model, (photos, targets), labelled=True)
    assert not same.alarm
    assert same.score == pytest.approx(known.score, abs=0.2)
    if make is painter:
        assert same.score == pytest.approx(model.evaluate((photos, targets)).ssim, abs=1e-3)
    changed = tl.monitor(model, 255 - photos)
    assert changed.alarm
    assert set(named) & set(changed.drifted)
    assert {"brightness", "features together"} <= set(changed.drifted)


@pytest.mark.parametrize("make", [segmenter, painter])
def test_nothing_held_out(make):
    builder, items = make()
    fitted = builder.fit(items(48), validation_split=0, epochs=2, verbose=0)
    assert fitted.reference.how == "trained on"
    photos, _ = items(40, seed=2)
    assert not tl.monitor(fitted, photos).alarm
    assert "brightness" in tl.monitor(fitted, np.minimum(photos, 200) + 55).drifted
