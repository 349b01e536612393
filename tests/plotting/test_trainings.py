"""Pictures of batches, trainings, items and explanations show what there is."""

import random
from dataclasses import dataclass, replace
from io import BytesIO

import keras
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import transferlearn as tl
from tests import made, several
from tests.networks import pixels, small_backbone
from transferlearn.plotting.classes import confused_pairs
from transferlearn.plotting.items import draw_items

NAMES = np.array(["cat", "dog"])


@dataclass(frozen=True)
class Counting(tl.Schedule):
    """A solved head, and then two blocks trained for two epochs."""

    def phases(self, job):
        yield tl.Phase(freeze=tl.freezing.FreezeAll(), epochs=1, fit="solve")
        yield tl.Phase(freeze=tl.freezing.TrainLastBlocks(2), epochs=2, learning_rate=1e-3)


@pytest.fixture(scope="module")
def photos():
    return pixels(24, 32), NAMES[np.arange(24) % 2]


@pytest.fixture(scope="module")
def builder():
    return tl.ImageClassifierBuilder(small_backbone(), seed=0, batch_size=8)


@pytest.fixture(scope="module")
def fitted(builder, photos):
    plan = {"schedule": Counting(), "epochs": 3, "validation_split": 0.25, "cache": True}
    return builder.prepare(photos, **plan).run(verbose=0)


def images(figure):
    return [np.asarray(ax.images[0].get_array()) for ax in figure.axes]


def titles(figure):
    return [ax.get_title(loc="left") for ax in figure.axes]


def test_a_batch_is_shown_as_it_is_fed(builder, photos):
    training = builder.prepare(photos, schedule="probe", validation_split=0)
    figure = tl.plotting.show_batch(training, count=5)
    batches = training.data.train.batches(batch_size=8, shuffle=True, seed=0)
    x, ids = batches[0]
    np.testing.assert_array_equal(images(figure), x[:5])
    assert titles(figure) == [training.encoding.class_names[i] for i in ids[:5]]
    assert len(tl.plotting.show_batch(builder, photos).axes) == 8
    with pytest.raises(ValueError, match="show_batch"):
        tl.plotting.show_batch(builder)


def test_augmentation_and_mixed_targets_are_on_it_and_change_nothing(builder, photos):
    varied = replace(
        builder, augmentation=keras.layers.RandomFlip("vertical", seed=1), mixup=0.5, freeze="all"
    )
    training = varied.prepare(photos, validation_split=0)
    state = random.getstate(), np.array(training.data.augmentation.generator.state)
    first, again = (tl.plotting.show_batch(training, count=8) for _ in range(2))
    np.testing.assert_array_equal(images(first), images(again))
    assert random.getstate() == state[0]
    np.testing.assert_array_equal(training.data.augmentation.generator.state, state[1])
    assert all("cat" in title or "dog" in title for title in titles(first))
    assert any("% " in title for title in titles(first))
    plain = tl.plotting.show_batch(replace(builder, freeze="all"), photos)
    assert not np.array_equal(images(first), images(plain))


def test_weights_are_on_it(builder, photos):
    weights = np.arange(24) / 10
    figure = tl.plotting.show_batch(builder, (*photos, weights), count=2)
    assert all("\nweight " in title for title in titles(figure))


def test_streams_are_shown_too(builder, photos):
    tf = pytest.importorskip("tensorflow")
    x, y = photos
    stream = tf.data.Dataset.from_tensor_slices((x, (y == "dog").astype("int32"))).batch(4)
    with pytest.warns(tl.data.DataWarning, match="validat"):
        training = builder.prepare(stream, schedule="probe")
    figure = tl.plotting.show_batch(training)
    np.testing.assert_array_equal(images(figure), x[:4])
    assert titles(figure) == [training.encoding.class_names[int(one == "dog")] for one in y[:4]]


def test_targets_of_any_form_are_described():
    encoding, described = made.numbers("a", "b"), tl.plotting.targets_in_words
    assert described(encoding, np.array([[1.25, 2], [3, 4]])) == ["a 1.25, b 2", "a 3, b 4"]
    others = {"x": np.eye(2), "y": np.array([7, 8])}
    assert described(several.AnswerEncoding(), others) == ["1, 0, 7", "0, 1, 8"]
    classes = tl.tasks.ClassEncoding(class_names=("a", "b", "c"))
    assert described(classes, np.array([2, 0])) == ["c", "a"]
    assert described(classes, np.array([[0.25, 0.75, 0], [0, 0, 1]])) == ["75% b, 25% a", "c"]
    two = tl.tasks.ClassEncoding(class_names=("a", "b"))
    assert described(two, np.array([[1.0], [0.0]])) == ["b", "a"]
    assert described(classes, np.zeros((1, 3))) == ["-"]


def test_texts_are_shown_as_tokens():
    kind = made.of_letters({"g": [0, 3]}).kind
    ax = Figure().subplots()
    tl.plotting.draw_item(kind, np.array([104, 105, 0, 0]), ax)
    assert ax.texts[0].get_text() == "h i (+2 padding)"
    ax = Figure().subplots()
    tl.plotting.draw_item(kind, "word $x$ " * 200, ax)
    assert ax.texts[0].get_text().count("\n") == 5
    assert ax.texts[0].get_text().endswith("…")


def test_curves_have_phases_and_the_kept_epoch(fitted):
    loss, accuracy = tl.plotting.training_curves(fitted).axes
    history = fitted.history.history
    np.testing.assert_allclose(loss.lines[0].get_ydata(), history["loss"])
    np.testing.assert_allclose(loss.lines[1].get_ydata(), history["val_loss"])
    np.testing.assert_allclose(accuracy.lines[1].get_ydata(), history["val_accuracy"])
    assert loss.lines[2].get_xdata()[0] == 1.5  # between the phases
    star = loss.lines[-1]
    assert star.get_label() == f"kept: epoch {fitted.epoch}"
    assert star.get_xydata().tolist() == [[fitted.epoch, history["val_loss"][fitted.epoch - 1]]]
    assert [text.get_text() for text in loss.texts] == ["phase 1", "phase 2"]


def test_a_lost_loss_is_drawn(fitted):
    lost = replace(fitted, history=keras.callbacks.History())
    lost.history.history = {"loss": [1.0, np.nan, np.nan]}
    tl.plotting.training_curves(lost).draw_without_rendering()


def test_each_block_says_what_was_done_with_it(fitted, tmp_path):
    ax = tl.plotting.phases(fitted).axes[0]
    states = {}
    for text in ax.texts:
        x, y = text.get_position()
        states.setdefault(x, {})[y] = text.get_text()
    names = [text.get_text() for text in ax.get_yticklabels()]
    blocks = list(fitted.outline.blocks)
    assert [name.split(" (")[0] for name in names] == [*blocks, "head"]
    assert set(states[0].values()) == {"stored", "solved"}
    frozen = set(fitted.phases[1].frozen_layers)
    for y, block in enumerate(blocks):
        is_frozen = set(fitted.outline.blocks[block]) <= frozen
        assert (states[1][y] in ("frozen", "stored", "partly stored")) == is_frozen
    assert list(states[1].values()).count("trained") == 3  # two blocks and the head
    sizes = sum(np.prod(w.shape) for w in fitted.model.get_layer("stem_conv").weights)
    assert f"({sizes})" in names[0]
    assert "head solved" in ax.get_xticklabels()[0].get_text()
    fitted.save(tmp_path / "saved")
    loaded = tl.load(tmp_path / "saved")
    assert loaded.outline == fitted.outline
    assert loaded.phases == fitted.phases
    old = replace(fitted, outline=replace(fitted.outline, blocks={}))
    assert len(tl.plotting.phases(old).axes[0].get_yticklabels()) == 1


def test_mistakes_are_shown_with_their_items(fitted, photos, tmp_path):
    x, y = photos
    evaluation = fitted.evaluate((x, NAMES[::-1][np.arange(24) % 2]))  # most labels are wrong
    found = tl.plotting.mistakes(evaluation, 4)
    figure = tl.plotting.show_mistakes(fitted, evaluation, (x, y), count=4)
    np.testing.assert_array_equal(images(figure), x[[one.item for one in found]])
    assert titles(figure) == ["\n".join(one.lines) for one in found]
    assert [ax.get_xlabel() for ax in figure.axes] == [f"item {one.item}" for one in found]
    paths = tuple(f"/photos/b$/{i}.jpg" for i in range(len(x)))
    files = tl.plotting.show_pairs(fitted, replace(evaluation, paths=paths), (x, y)).axes
    first = next(iter(confused_pairs(evaluation).values()))[0]
    assert files[0].get_xlabel() == rf"b\$/{first}.jpg"
    with pytest.raises(ValueError, match="are no files: pass what was evaluated"):
        tl.plotting.show_mistakes(fitted, evaluation)
    with pytest.raises(ValueError, match="source has 12"):
        tl.plotting.show_mistakes(fitted, evaluation, (x[:12], y[:12]))
    draws = tl.plotting.pictures_of_items(evaluation, fitted, (x, y))
    assert list(draws) == ["Worst mistakes", "Most confused"]
    pairs = draws["Most confused"]()
    assert "are taken for" in pairs.axes[0].texts[0].get_text()


def test_files_are_decoded_smaller_and_in_their_own_proportions(tmp_path):
    Image.new("RGB", (3000, 1000), "red").save(tmp_path / "wide.jpg")
    kind, ax = tl.data.Images(image_size=(32, 32)), Figure().subplots()
    tl.plotting.draw_item(kind, str(tmp_path / "wide.jpg"), ax)
    height, width, _ = ax.images[0].get_array().shape
    assert (height, width) == (107, 320)
    ax = Figure().subplots()
    (tmp_path / "wide.jpg").unlink()
    tl.plotting.draw_item(kind, str(tmp_path / "wide.jpg"), ax)
    assert ax.texts[0].get_text().startswith("unreadable")


def test_arrays_are_lines_and_fields():
    from tests.spectra import Spectra

    axes = Figure().subplots(1, 3)
    for ax, values in zip(axes, (np.arange(4.0), np.eye(3), np.zeros((2, 2, 2))), strict=True):
        tl.plotting.draw_item(Spectra(), values, ax)
    np.testing.assert_array_equal(axes[0].lines[0].get_ydata(), np.arange(4.0))
    np.testing.assert_array_equal(axes[1].images[0].get_array(), np.eye(3))
    assert axes[2].texts[0].get_text() == "float64 (2, 2, 2)"


def test_heat_maps_lie_over_their_images():
    fitted = made.of_colours([[4, 0], [0, 0], [0, 4]])
    figure = tl.plotting.explanations(fitted, made.photos())
    assert [ax.get_title() for ax in figure.axes] == ["red", "blue"]
    rows, columns = tl.explaining.explain(fitted, made.photos())[0].values.shape
    assert [ax.get_xlabel() for ax in figure.axes] == [f"{rows} x {columns} cells"] * 2
    assert f"map has {rows} x {columns} cells" in figure.get_supxlabel()
    assert "thin" in figure.get_supxlabel()
    drawn = figure.axes[0].images[0].get_array()
    hot = drawn[..., 0] - drawn[..., 2]
    assert hot[0, 0] > 0.5
    assert hot[7, 7] == pytest.approx(0)
    with pytest.raises(ValueError, match="empty"):
        tl.plotting.explanations(fitted, [])


def test_words_are_bars():
    fitted = made.of_letters({"g": [0, 3], "b": [2, 0]})
    ax = tl.plotting.explanations(fitted, "good <b> bad " + "g " * 20).axes[0]
    assert ax.get_title() == "good"
    assert len(ax.patches) == 16
    assert "7 weaker words left out" in ax.get_xlabel()
    words = [text.get_text() for text in ax.get_yticklabels()]
    assert dict(zip(words, (bar.get_width() for bar in ax.patches), strict=True))[
        "g"
    ] == pytest.approx(3, abs=1e-3)


def test_too_few_axes_are_refused_and_nothing_is_drawn_where_nothing_is():
    kind = tl.data.Images(image_size=(8, 8))
    with pytest.raises(ValueError, match=r"needs 2 axes\. Received: 1"):
        draw_items(kind, list(made.photos()), [("a",), ("b",)], [Figure().subplots()])
    draw_items(kind, [], []).draw_without_rendering()


def test_notebooks_show_the_figure(fitted):
    figure = tl.plotting.training_curves(fitted)
    assert figure._repr_png_().startswith(b"\x89PNG")
    written = BytesIO()
    figure.savefig(written)
    assert np.asarray(Image.open(written))[0, 0, 3] == 0  # transparent, so dark pages show through
