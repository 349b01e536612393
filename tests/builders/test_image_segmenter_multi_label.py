"""Segmenters whose pixels may have several classes, or none."""

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests.networks import small_backbone
from transferlearn.edge.maps.palette import of_hex
from transferlearn.tasks import LayerEncoding

HEAD = tl.heads.SegFormerDecoder(width=16, features=("stride_2", "stride_4"), dropout=0)
NAMES = ("red", "../green")


def overlapping(count, size=32, seed=0):
    """Returns photos with a red and a green rectangle, yellow where both are, and their layers."""
    rng = np.random.default_rng(seed)
    layers = np.zeros((count, size, size, 2), np.uint8)
    for i, c in np.ndindex(count, 2):
        top, left = rng.integers(0, size // 2, 2)
        layers[i, top : top + size // 2, left : left + size // 2, c] = 1
    photos = np.full((count, size, size, 3), 40.0)
    photos[..., :2] += 160 * layers
    return np.clip(photos + rng.normal(0, 15, photos.shape), 0, 255).astype("uint8"), layers


def builder(backbone, **settings):
    settings = {"head": HEAD, "seed": 0, "batch_size": 8, "image_size": (32, 32), **settings}
    return tl.ImageSegmenterBuilder(backbone, multi_label=True, **settings)


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


@pytest.fixture(scope="module")
def fitted(backbone):
    frozen = builder(backbone, class_names=NAMES, freeze="all", learning_rate=0.03)
    train, other = overlapping(32), overlapping(16, seed=1)
    return frozen.fit(train, other, epochs=10, cache=True, verbose=0)


def test_both_classes_of_a_pixel_are_learnt(fitted):
    photos, layers = overlapping(16, seed=1)
    scores = fitted.evaluate((photos, layers))
    # All classes everywhere would get 0.25; trained was 0.8.
    assert scores.mean_iou > 0.7
    assert scores.mean_iou == pytest.approx(fitted.history.history["val_mean_iou"][-1], abs=1e-4)
    known = fitted.known_score.interval
    assert known == pytest.approx(scores.intervals["mean_iou"], abs=1e-3)
    assert {"iou: red", "dice: red", "mean_dice"} <= {*scores}
    assert "pixel_accuracy" not in scores
    assert scores.confusion is None
    said = np.stack([one.mask for one in fitted.predict(photos)])
    overlap = layers.all(axis=-1)
    assert said[overlap].all(axis=-1).mean() > 0.7
    assert said[~layers.any(axis=-1)].any(axis=-1).mean() < 0.3


def test_predictions_have_the_photos_size_and_are_saved_class_by_class(fitted, tmp_path):
    photo, layers = (rows[0] for rows in overlapping(1, size=48, seed=2))
    found = fitted.predict(photo)
    assert found.mask.shape == layers.shape
    assert found.shares["red"] == pytest.approx(found.masks["red"].mean())
    found.save(tmp_path / "mask.png")
    # A class's name is a stranger's, and leads to no other folder.
    assert {file.name for file in tmp_path.iterdir()} == {
        "mask.red.png",
        "mask.%2E%2E%2Fgreen.png",
    }
    with Image.open(tmp_path / "mask.red.png") as written:
        np.testing.assert_array_equal(np.asarray(written) == 255, found.masks["red"])
    found.save(tmp_path / "mask.json")
    told = json.loads((tmp_path / "mask.json").read_text())
    areas = [one["area"] for one in told["annotations"]]
    assert areas == [mask.sum() for mask in found.masks.values()]
    smallest = min(found.shares, key=found.shares.get)
    shown = np.asarray(found.picture())
    assert (shown[found.masks[smallest]] == 1 + NAMES.index(smallest)).all()
    tiled = fitted.predict(photo, tile=32).mask
    assert tiled.shape == layers.shape
    scores = fitted.evaluate((photo[None], layers[None]), tile=32)
    assert scores["iou: red"] == pytest.approx(
        (tiled[..., 0] & (layers[..., 0] > 0)).sum() / (tiled[..., 0] | (layers[..., 0] > 0)).sum()
    )


def test_it_is_saved_and_loaded(fitted, tmp_path):
    fitted.save(tmp_path / "saved")
    again = tl.load(tmp_path / "saved")
    assert isinstance(again.encoding, LayerEncoding)
    assert again.encoding == fitted.encoding
    photos, _ = overlapping(3, seed=3)
    for one, other in zip(again.predict(photos), fitted.predict(photos), strict=True):
        np.testing.assert_array_equal(one.mask, other.mask)


def test_what_cannot_work_is_said(backbone, fitted):
    with pytest.raises(ValueError, match=r"weighs a pixel by its one class.*Tversky"):
        builder(backbone, class_weight="balanced")
    with pytest.raises(ValueError, match="does not give: look at the intervals"):
        fitted.calibrate(overlapping(4))


def test_photos_are_drawn_with_the_smallest_class_of_a_pixel_on_top(fitted, backbone):
    photos, layers = overlapping(3, seed=1)
    layers[0, :4] = 255
    figure = tl.plotting.show_masks(fitted, (photos, layers), count=1)
    _, mask, said, _ = figure.axes
    painted = np.asarray(said.images[0].get_array())[..., :3] * 255
    wanted = fitted.predict(photos[0]).picture().convert("RGB")
    np.testing.assert_allclose(painted, np.asarray(wanted), atol=0.5)
    red, green = (layers[0] == 1).sum(axis=(0, 1))
    smallest = int(green <= red)
    colour = of_hex(fitted.predict(photos[0]).colours[NAMES[smallest]])
    truth = np.asarray(mask.images[0].get_array())[..., :3] * 255
    where = layers[0, ..., smallest] == 1
    np.testing.assert_allclose(truth[where], [colour] * where.sum(), atol=0.5)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["no class", *NAMES, "void"]
    scores = fitted.evaluate((photos, layers))
    worst = tl.plotting.pictures_of_items(scores, fitted, (photos, layers))["Worst photos"]()
    assert "mean IoU" in worst.axes[0].get_ylabel()
    batch = tl.plotting.show_batch(builder(backbone), (photos, layers), count=2)
    assert len(batch.axes[0].images) == 2


@pytest.mark.full
@pytest.mark.parametrize(
    "variation", [{"augmentation": "light"}, {"augmentation": "strong", "views": 3}]
)
def test_stored_equals_live(backbone, variation):
    fits = [
        builder(backbone, freeze="all", **variation).fit(
            overlapping(16), epochs=2, cache=cache, verbose=0
        )
        for cache in (False, True)
    ]
    for one, other in zip(*(fit.model.weights for fit in fits), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


@pytest.mark.full
def test_a_run_that_is_killed_ends_with_the_same_weights(backbone):
    tl.testing.check_resume(builder(backbone), overlapping(16), epochs=4, validation_split=0.25)


@pytest.mark.full
def test_it_is_monitored_and_served(fitted, tmp_path):
    client = pytest.importorskip("starlette.testclient")
    from transferlearn.serving import Settings, app

    reference = tl.make_reference(
        fitted, overlapping(60, seed=4), trained_on=overlapping(60, seed=5)
    )
    watched = replace(fitted, reference=reference)
    same = tl.monitor(watched, overlapping(60, seed=6)[0])
    black = tl.monitor(watched, np.zeros((60, 32, 32, 3), "uint8"))
    assert not same.alarm
    assert black.alarm
    photo = overlapping(1, size=48, seed=2)[0][0]
    Image.fromarray(photo).save(tmp_path / "photo.png")
    with client.TestClient(app({"layers": fitted}, settings=Settings())) as asked:
        sent = (tmp_path / "photo.png").read_bytes()
        answer = asked.post("/predict", content=sent, headers={"Content-Type": "image/png"})
        (told,) = answer.json()["predictions"]
    with Image.open(io.BytesIO(base64.b64decode(told["masks"]["red"]))) as mask:
        np.testing.assert_array_equal(np.asarray(mask) == 255, fitted.predict(photo).masks["red"])


@pytest.mark.full
def test_class_folders_are_learnt_from(backbone, tmp_path):
    photos, layers = overlapping(12)
    for place in ("images", "masks/a", "masks/b"):
        (tmp_path / place).mkdir(parents=True)
    for i, (photo, mask) in enumerate(zip(photos, layers, strict=True)):
        Image.fromarray(photo).save(tmp_path / f"images/{i}.png")
        for c, name in enumerate("ab"):
            Image.fromarray(mask[..., c] * 255).save(tmp_path / f"masks/{name}/{i}.png")
    fit = builder(backbone).fit(tmp_path, epochs=2, validation_split=0.25, verbose=0)
    assert fit.class_names == ("a", "b")
    assert 0 <= fit.evaluate(tmp_path).mean_iou <= 1


@pytest.mark.full
@pytest.mark.parametrize("format", ["onnx", "litert"])
def test_an_export_makes_the_same_masks(fitted, tmp_path, format):
    exported = tl.export(fitted, tmp_path / "made", overlapping(16, seed=1), format=format)
    assert exported.checked.equal == 1
    photo = overlapping(1, size=48, seed=2)[0][0]
    Image.fromarray(photo).save(tmp_path / "photo.png")
    runner = tl.edge.Runner(exported.path, trusted=True)
    one, other = (model.predict(tmp_path / "photo.png") for model in (runner, fitted))
    assert (one.mask == other.mask).mean() > 0.999
    assert {*runner.output_reader.as_json(one)["masks"]} == {*NAMES}


@pytest.mark.full
def test_a_report_has_the_overlap_of_each_class(fitted, tmp_path):
    page = tl.report(fitted, tmp_path / "report.html", overlapping(6, seed=1)).read_text()
    assert "Overlap of each class" in page
    assert "Confusion of pixels" not in page
    assert "not drawn" not in page
