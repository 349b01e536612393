"""Predict, evaluate, save and load; and the saved model without this package."""

import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn import preprocessing
from transferlearn.fitted.card import card_of

pytestmark = pytest.mark.core


@pytest.fixture(scope="module")
def fitted():
    builder = tl.ImageClassifierBuilder(small_backbone(), freeze="residual_conv", seed=0)
    labelled = pixels(30, 32, seed=1), np.array(["ant", "bee", "cat"] * 10)
    return builder.fit(labelled, epochs=2, verbose=0)


@pytest.fixture
def folder(tmp_path):
    for i, image in enumerate(pixels(6, 32, seed=5)):
        file = tmp_path / "photos" / ("ant", "bee", "cat")[i % 3] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)
    return tmp_path / "photos"


def test_all_ways_to_name_an_image_agree(fitted, folder):
    path = folder / "bee" / "1.png"
    image = np.asarray(Image.open(path))
    expected = fitted.model.predict(image[None], verbose=0)[0]
    ways = [str(path), path, Image.open(path), image, image[None], [path], [Image.open(path)]]
    for way in ways:
        found = fitted.predict(way)
        single = found[0] if isinstance(found, list) else found
        assert isinstance(found, list) == (isinstance(way, list) or np.ndim(way) == 4)
        assert list(single.probabilities.values()) == pytest.approx(expected.tolist(), abs=1e-6)
        assert single.class_name == ("ant", "bee", "cat")[expected.argmax()]
        assert single.probability == pytest.approx(expected.max(), abs=1e-6)
    assert fitted.predict(path).path == str(path)


def test_a_batch_of_grey_images_is_a_batch(fitted):
    assert len(fitted.predict(pixels(5, 32)[..., 0])) == 5
    assert fitted.predict(pixels(1, 32)[0, ..., 0]).class_name in fitted.class_names


def test_a_folder_and_files_of_another_size(fitted, folder, tmp_path):
    large = Image.fromarray(pixels(1, 64, seed=9)[0])
    large.save(tmp_path / "large.png")
    resized = np.asarray(large.resize((32, 32), Image.Resampling.BILINEAR))
    assert fitted.predict(tmp_path / "large.png").probability == pytest.approx(
        fitted.predict(resized).probability, abs=1e-6
    )
    found = fitted.predict(folder)
    assert [p.path for p in found] == sorted(str(path) for path in folder.rglob("*.png"))


def test_the_training_datas_own_resize_is_used_again(fitted, tmp_path):
    large = Image.fromarray(pixels(1, 64, seed=9)[0]).resize((90, 70), Image.Resampling.BICUBIC)
    large.save(tmp_path / "large.png")
    legacy = replace(fitted, kind=replace(fitted.kind, interpolation="nearest"))
    nearest = np.asarray(large.resize((32, 32), Image.Resampling.NEAREST))
    found = legacy.predict(tmp_path / "large.png").probabilities
    assert found == pytest.approx(fitted.predict(nearest).probabilities, abs=1e-6)
    assert found != pytest.approx(fitted.predict(tmp_path / "large.png").probabilities, abs=1e-6)


def test_a_broken_file_is_named_or_skipped(fitted, folder):
    broken = folder / "ant" / "broken.jpg"
    broken.write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"broken\.jpg"):
        fitted.predict(broken)
    with pytest.raises(OSError, match=r"missing\.jpg"):
        fitted.predict(folder / "missing.jpg")
    with pytest.warns(tl.data.DataWarning, match=r"broken\.jpg"):
        assert len(fitted.predict(folder)) == 6
    with pytest.raises(ValueError, match=r"broken\.jpg"):
        fitted.predict(folder, on_error="raise")


def test_printed_it_says_what_it_is(fitted):
    name, names = fitted.outline.backbone, ", ".join(fitted.class_names)
    score, items = fitted.phases[-1].metrics["val_accuracy"], fitted.outline.validation_items
    assert repr(fitted) == (
        f"FittedModel({name!r}, {len(fitted.class_names)} classes: {names}, "
        f"val_accuracy {score:.4g} on {items} items)"
    )


def test_evaluate_agrees_with_keras(fitted, folder):
    scores = fitted.evaluate(folder)
    files = sorted(folder.rglob("*.png"))
    x = np.stack([np.asarray(Image.open(file)) for file in files])
    y = np.array([("ant", "bee", "cat").index(file.parent.name) for file in files])
    loss, accuracy = fitted.model.evaluate(x, y, verbose=0)
    assert scores.count == 6
    assert scores.accuracy == pytest.approx(accuracy)
    assert scores.loss == pytest.approx(loss, rel=1e-4)


def test_evaluate_refuses_classes_it_does_not_know(fitted):
    with pytest.raises(ValueError, match="dog"):
        fitted.evaluate((pixels(4, 32), ["dog", "ant", "bee", "cat"]))


def test_save_and_load_bring_everything_back(fitted, tmp_path):
    fitted.save(tmp_path / "saved")
    loaded = tl.load(tmp_path / "saved")
    x = pixels(5, 32, seed=7)
    np.testing.assert_array_equal(
        loaded.model.predict(x, verbose=0), fitted.model.predict(x, verbose=0)
    )
    assert loaded.class_names == fitted.class_names
    assert loaded.outline == fitted.outline
    assert loaded.phases == fitted.phases
    assert loaded.history.history == fitted.history.history
    assert loaded.history.epoch == fitted.history.epoch
    loaded.save(tmp_path / "again")
    assert tl.load(tmp_path / "again").outline == fitted.outline


def test_the_saved_model_needs_nothing_of_this_package(tmp_path):
    x = pixels(4, 32, seed=3)
    np.save(tmp_path / "x.npy", x)
    expected = {}
    for mode, layer in preprocessing.MODES.items():
        backbone = replace(small_backbone(), preprocessing=layer)
        builder = tl.ImageClassifierBuilder(backbone, freeze="all", loss=_own_loss, seed=0)
        fitted = builder.fit((pixels(18, 32), np.arange(18) % 3), epochs=1, verbose=0)
        fitted.save(tmp_path / mode)
        expected[mode] = fitted.model.predict(x, verbose=0)
    code = (
        "import sys; sys.modules['transferlearn'] = None\n"
        "import keras, numpy as np\n"
        "for mode in sys.argv[1:]:\n"
        "    model = keras.models.load_model(f'{mode}/model.keras')\n"
        "    np.save(f'{mode}.npy', model.predict(np.load('x.npy'), verbose=0))\n"
    )
    command = [sys.executable, "-c", code, *expected]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    for mode, y in expected.items():
        np.testing.assert_allclose(np.load(tmp_path / f"{mode}.npy"), y, rtol=1e-5, atol=1e-6)


def _own_loss(y_true, y_pred):
    return keras.losses.sparse_categorical_crossentropy(y_true, y_pred)


class Batches(keras.utils.PyDataset):
    def __init__(self, *parts):
        super().__init__()
        self.parts = parts

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.parts


@pytest.mark.parametrize("form", ["float", "bool", "column"])
def test_evaluate_takes_a_streams_labels_in_every_form(form):
    x, ids = pixels(14, 32), np.arange(14) % 2
    y = {"float": ids * 1.0, "bool": ids == 1, "column": ids[:, None]}[form]
    fitted = tl.ImageClassifierBuilder(small_backbone(), seed=0).fit((x, ids), epochs=1, verbose=0)
    assert dict(fitted.evaluate(Batches(x, y))) == pytest.approx(dict(fitted.evaluate((x, ids))))


def test_evaluate_takes_ids_that_do_not_start_at_0():
    x, ids = pixels(14, 32), np.arange(14) % 2 + 5
    fitted = tl.ImageClassifierBuilder(small_backbone(), seed=0).fit((x, ids), epochs=1, verbose=0)
    assert fitted.evaluate(Batches(x, ids)).accuracy == fitted.evaluate((x, ids)).accuracy


def test_the_last_line_of_fit_is_the_score_of_the_model_itself(capsys):
    data = pixels(40, 32), np.arange(40) % 2
    builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
    solved = builder.fit(data, schedule="probe", validation_split=0, verbose=2)
    told = capsys.readouterr().out.splitlines()[-1]
    head = solved.phases[-1].solved
    low, high = head.interval
    assert told == (
        f"Result: accuracy {head.score:.4f} (95%: {low:.4f} to {high:.4f}) "
        "cross-validated on 40 images"
    )
    held_out = builder.fit(data, schedule="probe", validation_split=0.5, verbose=2)
    told = capsys.readouterr().out.splitlines()[-1]
    value = held_out.phases[-1].metrics["val_accuracy"]
    assert told.startswith(f"Result: accuracy {value:.4f} (95%: ")
    assert told.endswith(") on 20 held-out images, which the head was then solved on too")
    tuned = builder.fit(data, schedule="auto", epochs=2, validation_split=0, verbose=2)
    told = capsys.readouterr().out.splitlines()[-1]
    assert told.startswith("Result: no score yet, since nothing was held out. Measure it: ")
    assert tuned.known_score is None
    assert "metrics:" not in card_of(tuned)
    solved, rest = tuned.phases
    back = replace(tuned, phases=(solved, replace(rest, kept_epoch=0)))
    assert back.known_score.value == solved.solved.score  # the model is the solved head again


def test_very_unequal_classes_are_scored_alike_too():
    y = np.array([0] * 20 + [1] * 4)
    builder = tl.ImageClassifierBuilder(small_backbone(), freeze="all", seed=0)
    held_out = pixels(24, 32, seed=5), y
    fitted = builder.fit((pixels(24, 32), y), held_out, epochs=1, schedule="one-phase", verbose=0)
    expected = fitted.evaluate(held_out).balanced_accuracy
    assert expected != fitted.history.history["val_accuracy"][-1]
    said = f"on 24 held-out images; balanced_accuracy {expected:.4f}, all classes alike"
    assert str(fitted.known_score).endswith(said)
    equal = pixels(24, 32, seed=5), np.arange(24) % 2
    plain = builder.fit((pixels(24, 32), y), equal, epochs=1, schedule="one-phase", verbose=0)
    assert str(plain.known_score).endswith("on 24 held-out images")
