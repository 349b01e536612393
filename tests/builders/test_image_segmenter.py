"""Segmenters: from photos and masks to a saved model."""

import subprocess
import sys
import zipfile
from dataclasses import dataclass, replace

import keras
import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests.masks import scenes, write
from tests.networks import small_backbone
from transferlearn.advice.diagnosis import remedies
from transferlearn.advice.diagnosis.curves import Curves
from transferlearn.advice.diagnosis.evidence import gather
from transferlearn.splitting import boundary
from transferlearn.tasks import MaskEncoding

HEAD = tl.heads.SegFormerDecoder(width=16, features=("stride_2", "stride_4"), dropout=0.2)


def builder(backbone, **settings):
    settings = {"head": HEAD, "seed": 0, "batch_size": 8, "image_size": (32, 32), **settings}
    return tl.ImageSegmenterBuilder(backbone, **settings)


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


@pytest.fixture(scope="module")
def fitted(backbone):
    return builder(backbone, class_names=["ground", "sand", "water"]).fit(
        scenes(32), scenes(16, seed=1), epochs=10, cache=True, verbose=0
    )


def test_it_learns(fitted):
    scores = fitted.evaluate(scenes(16, seed=1))
    # Guessing gets 0.33 / 3; trained were 0.75 to 0.83.
    assert scores.mean_iou > 0.6
    assert scores.mean_iou == pytest.approx(fitted.history.history["val_mean_iou"][-1], abs=1e-4)
    # The last line of fit tells the interval that evaluate computes, and so does a save.
    known = fitted.known_score
    assert known.interval == pytest.approx(scores.intervals["mean_iou"], abs=1e-3)
    assert known.interval[1] - known.interval[0] < 0.3  # two standard errors at most are 0.4
    first, second = fitted.phases
    assert first.stored is not None
    assert first.trainable_parameters < second.trainable_parameters
    assert "sand" in str(scores)


def test_predictions_have_the_photos_size_whatever_they_are_read_from(fitted, tmp_path):
    images, _ = scenes(3, size=48, seed=2)
    folder = write(tmp_path / "photos", images[:2], images[:2, ..., 0])
    found = fitted.predict(folder / "images")
    assert [prediction.mask.shape for prediction in found] == [(48, 48)] * 2
    again = fitted.predict(found[0].path)
    np.testing.assert_array_equal(again.mask, found[0].mask)
    tall = Image.fromarray(images[2, :, :40])
    assert fitted.predict(tall).mask.shape == (48, 40)
    several = fitted.predict([tall, Image.fromarray(images[2])])
    assert [prediction.mask.shape for prediction in several] == [(48, 40), (48, 48)]
    several[0].save(tmp_path / "mask.png")
    with Image.open(tmp_path / "mask.png") as written:
        assert set(np.unique(np.asarray(written))) <= {0, 1, 2}


@pytest.mark.parametrize("tile", [None, 32])
def test_a_bad_file_among_several_is_named_and_the_others_keep_their_order(fitted, tmp_path, tile):
    images, ids = scenes(3, size=48, seed=2)
    folder = write(tmp_path / "photos", images, ids) / "images"
    files = [folder / name for name in ("more/2.jpg", "0.jpg", "1.jpg")]
    files[1].write_bytes(b"no photo")
    with pytest.warns(tl.data.DataWarning, match=r"0.jpg: not an image"):
        found = fitted.predict(files, tile=tile)
    assert [one.path for one in found] == [str(files[0]), str(files[2])]
    np.testing.assert_array_equal(found[1].mask, fitted.predict(files[2], tile=tile).mask)
    with pytest.raises(ValueError, match=r"0.jpg: not an image"):
        fitted.predict(files, tile=tile, on_error="raise")
    with pytest.raises(ValueError, match=r"0.jpg cannot be"):
        fitted.predict(files[1], tile=tile)


def test_a_photo_is_cut_into_tiles_which_are_what_was_trained_on(fitted, tmp_path):
    images, ids = scenes(2, size=96, seed=5)
    small = images[0, :32, :32]
    np.testing.assert_array_equal(fitted.predict(small, tile=32).mask, fitted.predict(small).mask)
    whole, tiled = fitted.predict(images[0]), fitted.predict(images[0], tile=32)
    assert tiled.mask.shape == (96, 96)
    right = (tiled.mask == ids[0]).mean()
    assert right > (whole.mask == ids[0]).mean()  # a third of its size, blocks are hardly seen
    assert right > 0.6
    folder = write(tmp_path / "photos", images, ids)
    # Figures are those of the photos in their own sizes.
    scores = fitted.evaluate(folder, tile=32)
    masks = [one.mask for one in fitted.predict(folder / "images", tile=32)]
    assert scores.pixel_accuracy == pytest.approx(np.mean(np.stack(masks) == ids))
    assert scores.confusion.sum() == ids.size
    assert scores.pixel_accuracy > fitted.evaluate(folder).pixel_accuracy
    arrays = fitted.evaluate((images, ids), tile=(32, 32))
    assert arrays.pixel_accuracy == pytest.approx(
        (np.stack([fitted.predict(image, tile=32).mask for image in images]) == ids).mean()
    )
    with pytest.raises(ValueError, match=r"of at least 32. Received: tile=8"):
        fitted.evaluate(folder, tile=8)
    found = fitted.predict(folder / "images", tile=(32, 48))
    assert [prediction.mask.shape for prediction in found] == [(96, 96)] * 2
    assert found[0].path.endswith("0.jpg")


def test_probabilities_of_one_batch_at_a_time_are_in_memory(fitted, monkeypatch):
    lengths = []
    meant = MaskEncoding.meant
    noted = lambda self, outputs: lengths.append(len(outputs)) or meant(self, outputs)  # noqa: E731
    monkeypatch.setattr(MaskEncoding, "meant", noted)
    scores = fitted.evaluate(scenes(20, seed=1))
    assert lengths == [8, 8, 4]
    assert scores.model_values is None
    assert fitted.predict(scenes(9, seed=1)[0])[8].mask.shape == (32, 32)
    assert lengths[3:] == [8, 1]


def test_photos_are_drawn_with_their_masks_and_answers(fitted, backbone):
    images, ids = scenes(5, seed=1)
    ids = ids.copy()
    ids[0, :4] = 255
    scores = fitted.evaluate((images, ids))
    figure = tl.plotting.show_masks(fitted, (images, ids), count=2)
    photo, mask, said, over = figure.axes[:4]
    assert len(figure.axes) == 8
    np.testing.assert_array_equal(photo.images[0].get_array(), images[0])
    painted = np.asarray(mask.images[0].get_array())[..., :3]
    assert len(np.unique(painted[4:].reshape(-1, 3), axis=0)) == 3
    assert len(np.unique(painted[:4].reshape(-1, 3), axis=0)) == 2  # void is striped
    prediction = np.asarray(said.images[0].get_array())[..., :3]
    wanted = fitted.predict(images[0]).picture().convert("RGB")
    np.testing.assert_allclose(prediction * 255, np.asarray(wanted), atol=0.5)
    assert over.collections  # the borders of the true mask
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["ground", "sand", "water", "void"]
    worst = tl.plotting.pictures_of_items(scores, fitted, (images, ids))["Worst photos"]()
    first = int(scores.mean_ious.argmin())
    assert f"mean IoU {scores.mean_ious[first]:.2f}" in worst.axes[0].get_ylabel()
    batch = tl.plotting.show_batch(builder(backbone), (images, ids), count=2)
    assert len(batch.axes[0].images) == 2
    assert "%" in batch.axes[0].get_title(loc="left")
    with pytest.raises(ValueError, match="names no answers that could be explained"):
        tl.explaining.explain(fitted, images)


@pytest.mark.full
def test_a_monitor_watches_shares_of_pixels_and_the_coarsest_map(fitted):
    held_out, others = scenes(80, seed=1), scenes(60, seed=6)
    reference = tl.make_reference(fitted, held_out)
    assert {"output ground", "output water", "novelty", "brightness"} <= {*reference.signals.names}
    assert reference.axes.width == HEAD.width
    assert reference.score == pytest.approx(fitted.evaluate(held_out).mean_ious.mean(), abs=0.05)
    watching = replace(fitted, reference=reference)
    assert not tl.monitor(watching, others[0]).alarm
    assert tl.monitor(watching, np.full_like(others[0], 90) + others[0] // 8).alarm
    np.testing.assert_equal(tl.explaining.features(fitted, held_out).shape, (80, HEAD.width))


@pytest.mark.full
def test_fit_makes_a_reference_of_stored_levels(backbone, monkeypatch):
    monkeypatch.setattr("transferlearn.measuring.in_training._SHARE", 1e9)
    made = builder(backbone, freeze="all").fit(
        scenes(48), scenes(48, seed=1), epochs=2, cache=True, verbose=0
    )
    assert made.phases[0].stored is not None
    again = tl.make_reference(made, scenes(48, seed=1), trained_on=scenes(48))
    found, expected = (np.sort(one.signals.column("output 1")) for one in (made.reference, again))
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.full
@pytest.mark.parametrize("format", ["onnx", "litert", "openvino", "saved_model"])
def test_an_export_makes_the_same_masks_of_photos_of_any_size(fitted, tmp_path, format):
    images, _ = scenes(2, size=48, seed=2)
    folder = write(tmp_path / "photos", images, images[..., 0]) / "images"
    exported = tl.export(fitted, tmp_path / "exported", scenes(16, seed=1), format=format)
    assert exported.checked.equal == 1
    assert exported.checked.exported_score == pytest.approx(exported.checked.keras_score, abs=1e-3)
    runner = tl.edge.Runner(exported.path, trusted=True)
    for options in ({}, {"tile": 32}):
        for one, other in zip(
            runner.predict(folder, **options), fitted.predict(folder, **options), strict=True
        ):
            assert one.mask.shape == (48, 48)
            assert (one.mask == other.mask).mean() > 0.999


@pytest.mark.full
def test_a_report_has_pictures_of_masks(fitted, tmp_path):
    page = tl.report(fitted, tmp_path / "report.html", scenes(6, seed=1)).read_text()
    for title in ("Overlap of each class", "Confusion of pixels", "Worst photos"):
        assert title in page
    assert "not drawn" not in page
    assert "Why it says what it says" not in page
    assert "image-segmentation" in tl.fitted.card.card_of(fitted)


@pytest.mark.full
def test_suggest_ranks_networks_by_a_head_trained_for_a_few_epochs(backbone):
    poor = tl.heads.SegFormerDecoder(width=1, features=("stride_4",))
    told = [builder(backbone, head=head, learning_rate=0.01) for head in (poor, HEAD)]
    found, again = (tl.suggest(scenes(64), told, items=60, verbose=0) for _ in range(2))
    assert [row.score for row in found] == [row.score for row in again]
    assert found[0].builder.head == HEAD
    assert found[0].score > found[1].score
    low, high = found[0].interval
    assert low < found[0].score < high
    start = found.recommended
    assert (start.freeze, start.builder.freeze, start.schedule) == (None, None, "auto")
    assert start.training_seconds > 0
    assert "Mean_iou: expected, of a head trained for 4 epochs on the frozen network" in str(found)
    assert "the default recipe" in str(found)


@pytest.mark.full
def test_a_run_that_is_killed_ends_with_the_same_weights(backbone):
    tl.testing.check_resume(builder(backbone), scenes(16), epochs=4, validation_split=0.25)


@pytest.mark.full
def test_a_run_is_estimated_searched_and_diagnosed(backbone, fitted):
    estimate = tl.estimate(builder(backbone), scenes(32), epochs=2, price_per_hour="1 EUR")
    assert estimate.seconds > 0
    pytest.importorskip("optuna")
    found = tl.search(
        builder(backbone),
        {"learning_rate": [1e-3, 1e-2]},
        scenes(24),
        trials=2,
        epochs=2,
        verbose=0,
    )
    assert 0 <= found.score <= 1
    assert str(tl.diagnose(fitted))


@pytest.mark.full
def test_levels_in_half_precision_cost_nothing(backbone):
    train, test = scenes(48), scenes(24, seed=1)
    scores = [
        builder(backbone, freeze="all")
        .fit(train, epochs=6, cache=tl.Cache(dtype=dtype), validation_split=0, verbose=0)
        .evaluate(test)
        .mean_iou
        for dtype in ("float32", "float16")
    ]
    assert scores[1] == pytest.approx(scores[0], abs=0.01)


def test_it_is_saved_and_loaded(fitted, tmp_path):
    fitted.save(tmp_path / "saved")
    again = tl.load(tmp_path / "saved")
    assert again.encoding == fitted.encoding
    assert again.class_names == ("ground", "sand", "water")
    assert again.known_score == fitted.known_score
    images, _ = scenes(4, seed=3)
    for one, other in zip(again.predict(images), fitted.predict(images), strict=True):
        np.testing.assert_array_equal(one.mask, other.mask)
    with zipfile.ZipFile(tmp_path / "saved" / "model.keras") as archive:
        assert b"transferlearn" not in archive.read("config.json")


@pytest.mark.full
def test_the_saved_model_predicts_without_this_package(fitted, tmp_path):
    fitted.save(tmp_path / "saved")
    images, _ = scenes(4, seed=3)
    np.save(tmp_path / "images.npy", images)
    code = (
        "import sys, keras, numpy as np\n"
        "model = keras.models.load_model(sys.argv[1] + '/saved/model.keras')\n"
        "x = np.load(sys.argv[1] + '/images.npy').astype('float32')\n"
        "np.save(sys.argv[1] + '/shares.npy', model.predict(x, verbose=0))\n"
        "assert 'transferlearn' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    shares = np.load(tmp_path / "shares.npy")
    for one, row in zip(fitted.predict(images), shares, strict=True):
        np.testing.assert_array_equal(one.mask, row.argmax(axis=-1))


@pytest.mark.parametrize(
    "variation",
    [
        {"augmentation": "light"},
        pytest.param({"augmentation": "strong", "views": 3}, marks=pytest.mark.full),
    ],
)
def test_stored_equals_live(backbone, variation):
    fits = [
        builder(backbone, freeze="all", **variation).fit(
            scenes(16), epochs=2, cache=cache, verbose=0
        )
        for cache in (False, True)
    ]
    assert [fit.phases[0].stored is None for fit in fits] == [True, False]
    for one, other in zip(*(fit.model.weights for fit in fits), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_what_can_be_stored_is_what_the_decoder_reads(backbone):
    training = builder(backbone, freeze="all").prepare(scenes(8), validation_split=0)
    network = training.network
    cut = boundary(network, [True] * len(network.layers))
    assert sorted(tensor.shape[1:] for tensor in cut.tensors) == [(7, 7, 16), (15, 15, 16)]


def test_layers_that_the_decoder_does_not_read_are_left_out(backbone):
    head = tl.heads.SegFormerDecoder(width=4, features=("stride_2",))
    short, whole = (builder(backbone, head=h).build(3) for h in (head, HEAD))
    assert "top_conv" in {layer.name for layer in whole.layers}
    assert "top_conv" not in {layer.name for layer in short.layers}
    assert short.output_shape == whole.output_shape == (None, 32, 32, 3)
    assert not any(layer.name == "top_conv" for layer in short.layers)


def test_what_cannot_work_is_said(backbone):
    with pytest.raises(TypeError, match="head is a decoder"):
        builder(backbone, head=tl.heads.PooledDense())
    with pytest.raises(ValueError, match="Masks cannot be mixed"):
        builder(backbone, mixup=0.2)
    with pytest.raises(ValueError, match="Of an image there are two views"):
        builder(backbone, augmentation="light", views=4)
    with pytest.raises(ValueError, match="leave the masks as they were"):
        builder(backbone, augmentation=keras.layers.RandomFlip("horizontal"))
    with pytest.raises(ValueError, match=r"has the features last, .*Received: stride_8, stride_16"):
        builder(backbone, head=tl.heads.SegFormerDecoder()).build(3)


def test_a_decoder_can_be_written_in_the_builder(backbone):
    @dataclass(frozen=True)
    class Mine(tl.ImageSegmenterBuilder):
        depth: int = 5

        def build_decoder(self, features, outputs):
            x = keras.layers.Conv2D(self.depth, 1, name="mine")(features["stride_2"])
            return {name: keras.layers.Dense(out.units)(x) for name, out in outputs.items()}

    model = Mine(backbone, head=HEAD, image_size=(32, 32), depth=7).build(3)
    assert model.get_layer("mine").filters == 7
    assert model.output_shape == (None, 32, 32, 3)


def test_what_is_advised_can_be_done(fitted, backbone):
    curves = Curves.of(fitted)
    case = remedies.Case.of(fitted, curves, gather(fitted, curves, None, None))
    for frozen in (0.0, 0.5, 1.0):
        part = replace(case, frozen=frozen)
        advised = [*remedies.against_overfitting(part), *remedies.against_underfitting(part)]
        for remedy in advised:
            replace(builder(backbone), **remedy.changes)
        assert {"augmentation", "freeze"} <= {name for one in advised for name in one.changes}


@pytest.mark.full
@pytest.mark.parametrize("cache", [True, False])
def test_a_stream_is_learnt(backbone, cache):
    tf = pytest.importorskip("tensorflow")
    train, other = (
        tf.data.Dataset.from_tensor_slices(scenes(16, seed=seed)).batch(8) for seed in (0, 1)
    )
    weighed = builder(backbone, freeze="all", class_weight="balanced")
    fit = weighed.fit(train, other, epochs=2, cache=cache, verbose=0)
    assert (fit.phases[0].stored is not None) == cache
    assert 0 < fit.evaluate(other).mean_iou <= 1


@pytest.mark.parametrize("cache", [True, False])
def test_frozen_layers_stay_as_they_are_to_the_bit_and_all_others_move(backbone, cache):
    case = builder(backbone, freeze="all")
    before = case.build(4)
    made = case.fit(scenes(16), epochs=2, cache=cache, validation_split=0, verbose=0)
    of_backbone = {layer.name for layer in backbone.model.layers}
    for layer in made.model.layers:
        for old, new in zip(before.get_layer(layer.name).weights, layer.weights, strict=True):
            if "seed_generator" not in new.path:
                same = np.array_equal(
                    keras.ops.convert_to_numpy(old), keras.ops.convert_to_numpy(new)
                )
                assert same == (layer.name in of_backbone), new.path
