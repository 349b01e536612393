"""Kinds of one's own, of arrays."""

import numpy as np
import pytest

import transferlearn as tl
from tests.spectra import Spectra, SpectraClassifier, backbone, spectra
from transferlearn.data import Classes, DataWarning

pytestmark = pytest.mark.core


@pytest.fixture
def folder(tmp_path):
    x, labels = spectra(12)
    for i, (row, label) in enumerate(zip(x, labels, strict=True)):
        (tmp_path / "spectra" / label).mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "spectra" / label / f"{i}.npy", row)
    return tmp_path / "spectra"


def test_arrays_and_files_are_trained_on_told_and_saved(folder, tmp_path):
    builder = SpectraClassifier(backbone(), seed=0)
    fitted = builder.fit(spectra(80), schedule="probe", verbose=0)
    assert fitted.evaluate(spectra(40, seed=1)).accuracy > 0.9
    assert fitted.evaluate(folder).count == 12
    found = fitted.predict(folder / "low" / "0.npy")
    assert found.path == str(folder / "low" / "0.npy")
    x, _ = spectra(12)
    assert found.probabilities == pytest.approx(fitted.predict(x[0]).probabilities)
    assert [p.class_name for p in fitted.predict(x)] == [
        fitted.predict(row).class_name for row in x
    ]
    fitted.save(tmp_path / "saved")
    again = tl.load(tmp_path / "saved")
    assert again.kind == Spectra()
    assert again.predict(x[0]).probabilities == pytest.approx(found.probabilities)


def test_stored_equals_computed_anew():
    builder = SpectraClassifier(backbone(), freeze="first", seed=0)
    fits = [builder.fit(spectra(40), epochs=2, cache=c, verbose=0) for c in (False, True)]
    for one, other in zip(*(fitted.model.weights for fitted in fits), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_what_is_broken_is_named_and_left_out(folder):
    np.save(folder / "low" / "short.npy", np.zeros(5))
    np.save(folder / "low" / "lost.npy", np.full(32, np.nan))
    (folder / "high" / "text.npy").write_text("no array")
    (folder / "high" / "notes.txt").write_text("ignored")
    with pytest.warns(DataWarning) as said:
        dataset = tl.data.load(folder, Spectra(), Classes())
    (text,) = [str(warning.message) for warning in said]
    assert "short.npy: shape (5,), float64, where (32,) was expected" in text
    assert "lost.npy: numbers that are not finite" in text
    assert "text.npy" in text
    assert (dataset.size, len(dataset.skipped)) == (12, 3)
    with pytest.raises(ValueError, match="short"):
        tl.data.load(folder, Spectra(), Classes(), on_error="raise")


def test_arrays_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"spectrum 0: shape \(5,\)"):
        tl.data.load((np.zeros((3, 5)), [0, 1, 0]), Spectra(), Classes())


def test_nothing_is_no_item():
    fitted = SpectraClassifier(backbone(), seed=0).fit(spectra(40), schedule="probe", verbose=0)
    with pytest.raises(ValueError, match="There are no spectrums"):
        fitted.predict([])


def test_lists_of_files_and_broken_items_are_told_apart(folder, tmp_path):
    fitted = SpectraClassifier(backbone(), seed=0).fit(spectra(40), schedule="probe", verbose=0)
    files = sorted(map(str, folder.rglob("*.npy")))
    assert [found.path for found in fitted.predict(files[:2])] == files[:2]
    assert fitted.predict(tuple(files[:1]))[0].path == files[0]
    (tmp_path / "empty.npy").touch()
    good = spectra(1)[0][0]
    with pytest.warns(DataWarning, match=r"(?s)empty.npy.*"):
        assert len(fitted.predict([*files[:2], str(tmp_path / "empty.npy")])) == 2
    with pytest.warns(DataWarning, match=r"(?s)spectrum 1: shape.*spectrum 2: .*too large"):
        assert len(fitted.predict([good, None, good.astype(float) * 1e300])) == 1
