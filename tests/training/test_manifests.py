"""A table of files with their hashes, with which a fit opens no file."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.data.images import checking
from transferlearn.features import memory

pytest.importorskip("pyarrow")


@pytest.fixture
def opened(monkeypatch):
    """The paths of the files that are decoded to check them."""
    paths = []
    decode = checking.decode

    def counting(path, **options):
        paths.append(path)
        return decode(path, **options)

    monkeypatch.setattr(checking, "decode", counting)
    return paths


@pytest.fixture
def photos(tmp_path):
    for i, image in enumerate(pixels(40, 32)):
        folder = tmp_path / "photos" / ("ant", "bee")[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{i}.png")
    return tmp_path / "photos"


@pytest.fixture
def builder():
    return tl.ImageClassifierBuilder(small_backbone(), seed=0)


def test_fit_opens_no_file_that_the_manifest_knows(photos, builder, opened, tmp_path):
    cache, manifest = tl.Cache(directory=tmp_path / "features"), tmp_path / "photos.parquet"
    whole = builder.fit(photos, schedule="probe", validation_split=0.0, verbose=0)
    (photos / "ant" / "broken.png").write_bytes(b"no photo")
    opened.clear()
    options = {"schedule": "probe", "validation_split": 0.0, "cache": cache}
    with pytest.warns(UserWarning, match="broken"):
        tl.extract(builder, photos, manifest=manifest, verbose=0, **options)
    assert len(opened) == 41
    memory._remembered.clear()
    shutil.move(photos, tmp_path / "elsewhere")
    with pytest.warns(UserWarning, match="broken"):
        fitted = builder.fit(manifest, reference=False, verbose=0, **options)
    assert len(opened) == 41
    assert fitted.phases[0].stored.computed == 0
    assert [skipped.path.endswith("broken.png") for skipped in fitted.skipped] == [True]
    assert fitted.encoding.class_names == ("ant", "bee")
    for a, b in zip(fitted.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_a_changed_file_is_opened_again_and_computed_alone(photos, builder, opened, tmp_path):
    manifest, cache = tmp_path / "photos.parquet", tl.Cache(directory=tmp_path / "features")
    options = {"cache": cache, "schedule": "one-phase", "verbose": 0}
    builder = tl.ImageClassifierBuilder(small_backbone(), freeze="all", seed=0)
    tl.extract(builder, photos, manifest=manifest, **options)
    opened.clear()
    Image.fromarray(pixels(1, 32, seed=9)[0]).save(photos / "bee" / "1.png")
    os.utime(photos / "bee" / "3.png")  # the same content
    assert tl.extract(builder, manifest, **options).computed == 1
    assert sorted(opened) == [str(photos / "bee" / name) for name in ("1.png", "3.png")]
    assert tl.extract(builder, photos, manifest=manifest, **options).computed == 0
    opened.clear()
    tl.extract(builder, photos, manifest=manifest, **options)
    assert not opened


def test_a_manifest_keeps_the_columns_of_a_table(photos, tmp_path, opened):
    paths = sorted(photos.rglob("*.png"))
    rows = [f"{path},{i},{i % 3}" for i, path in enumerate(paths)]
    (tmp_path / "ages.csv").write_text("\n".join(["path,age,sample_weight", *rows]))
    builder = tl.ImageRegressorBuilder(small_backbone(), seed=0, freeze="all")
    manifest, cache = tmp_path / "ages.parquet", tl.Cache(directory=tmp_path / "features")
    tl.extract(builder, tmp_path / "ages.csv", cache=cache, manifest=manifest, verbose=0)
    opened.clear()
    loaded = builder.load(manifest, validation_split=0.0).train
    assert not opened
    found = dict(zip(loaded.names, np.ravel(loaded.learnt[:]), strict=True))
    assert found == {str(path): i for i, path in enumerate(paths)}


def test_what_no_manifest_holds_is_refused(photos, builder, tmp_path):
    cache = tl.Cache(directory=tmp_path / "features")
    with pytest.raises(ValueError, match=r"A manifest is a \.parquet file"):
        tl.extract(builder, photos, cache=cache, manifest=tmp_path / "photos.csv")
    data = pixels(4, 32), np.arange(4) % 2
    with pytest.raises(ValueError, match="A manifest is of image files"):
        tl.extract(builder, data, cache=cache, manifest=tmp_path / "photos.parquet")
    (tmp_path / "no.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match="is no Parquet file"):
        builder.fit(tmp_path / "no.parquet")
