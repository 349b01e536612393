"""A few images in the place of many."""

from pathlib import Path

import numpy as np
import pytest

from tests.data.conftest import picture, save
from tests.loading import batches_of, load_pair, reading
from transferlearn.data.excerpts import load_excerpts
from transferlearn.data.images import checking

pytestmark = pytest.mark.core


def parts(train, validation_data=None, *, share=0.25, validation_split=0.1, **options):
    return load_excerpts(
        train,
        validation_data,
        reading(**{"image_size": (8, 8), **options}),
        validation_split=validation_split,
        least_to_split=0,
        seed=0,
        share=lambda listed: share,
    )


@pytest.fixture
def folder(make_folder):
    return make_folder(counts={"cat": 30, "dog": 10, "emu": 2})


def test_a_few_of_each_class_are_opened(folder, monkeypatch):
    whole = load_pair(folder, seed=0, image_size=(8, 8))
    opened = []
    decode = checking.decode

    def spy(path, **options):
        opened.append(path)
        return decode(path, **options)

    monkeypatch.setattr(checking, "decode", spy)
    train, validation = parts(folder)
    for part, known in zip((train, validation), whole, strict=True):
        assert part.size == known.size
        assert part.few.targets.class_names == known.targets.class_names == ("cat", "dog", "emu")
        assert abs(len(part.few.items) - known.size / 4) <= 2
        assert set(part.few.names) <= {*whole.train.names, *whole.validation.names}
    assert {Path(name).parent.name for name in train.few.names} >= {"cat", "dog"}
    assert not set(train.few.names) & set(validation.few.names)
    few = len(train.few.items) + len(validation.few.items)
    assert len(opened) == few + 2  # and one before each
    assert train.held_bytes == len(train.few.items) * 8 * 8 * 3


@pytest.mark.parametrize("kind", ["csv", "frame", "paths", "array", "list", "pair of folders"])
def test_every_source(make_folder, tmp_path, kind):
    folder = make_folder(counts={"cat": 12, "dog": 12})
    paths = sorted(map(str, folder.rglob("*.png")))
    names = ["cat"] * 12 + ["dog"] * 12
    pictures = [np.asarray(picture(seed)) for seed in range(24)]
    validation = None
    if kind == "csv":
        lines = [
            "path,label,sample_weight",
            *(f"{p},{n},2" for p, n in zip(paths, names, strict=True)),
        ]
        source = tmp_path / "table.csv"
        source.write_text("\n".join(lines))
    elif kind == "frame":
        pandas = pytest.importorskip("pandas")
        source = pandas.DataFrame({"path": paths, "label": names})
    elif kind == "pair of folders":
        source, validation = folder, make_folder("more", {"cat": 4, "dog": 4}, first=100)
    else:
        x = {"paths": paths, "array": np.stack(pictures), "list": pictures}[kind]
        source = (x, names)
    train, held_out = parts(source, validation)
    assert (train.size, held_out.size) == ((24, 8) if validation else (22, 2))
    batch = batches_of(train.few, batch_size=4, shuffle=True)[0]
    assert batch[0].shape == (4, 8, 8, 3)
    assert len(batch) == (3 if kind == "csv" else 2)


def test_what_would_be_refused(make_folder):
    folder = make_folder(counts={"cat": 30, "dog": 10})
    other = make_folder("other", {"cat": 5, "cow": 5})
    with pytest.raises(ValueError, match="Classes differ"):
        parts(folder, other)
    with pytest.raises(ValueError, match="One class only"):
        parts(make_folder("one", {"cat": 5}))
    save(folder / "dog" / "x.png").write_bytes(b"")
    with pytest.raises(ValueError, match="cannot be used"):
        parts(folder, share=1.0, on_error="raise")
