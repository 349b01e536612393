"""Networks that make pictures of pictures: from pairs or good pictures to a saved model."""

import subprocess
import sys
import zipfile
from dataclasses import dataclass

import keras
import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

import transferlearn as tl
from tests.networks import Levels, small_backbone
from tests.pictures import blocks, darker, write
from transferlearn.backbones import registry
from transferlearn.splitting import boundary

HEAD = tl.heads.PictureUNet(width=4, features=("image", "stride_2", "stride_4"))


def builder(backbone, **settings):
    settings = {"head": HEAD, "seed": 0, "batch_size": 8, **settings}
    return tl.ImageToImageBuilder(backbone, **settings)


@dataclass(frozen=True)
class Dim(tl.data.Degradation):
    """Shrinks pictures, and takes most of their light."""

    name = "dim"
    scale: int = 2

    def __call__(self, picture):
        return darker(picture[:: self.scale, :: self.scale])


def brightening(backbone, **settings):
    return builder(backbone, degradation=Dim(), image_size=(16, 16), **settings)


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


@pytest.fixture(scope="module")
def fitted(backbone):
    return brightening(backbone, learning_rate=0.02).fit(
        blocks(32), blocks(16, seed=1), epochs=10, cache=True, verbose=0
    )


def test_it_learns(fitted):
    good = blocks(16, seed=1)
    scores = fitted.evaluate(good)
    given = darker(good[:, ::2, ::2]).repeat(2, axis=1).repeat(2, axis=2)
    before = fitted.encoding.scoring.measure(given, good)
    assert scores.mae < 0.6 * before.mae
    assert scores.psnr > before.psnr + 3
    plain = scores.unchanged
    # A bicubic filter, as benchmarks/image_to_image.py has it, and as scikit-image scores it.
    enlarged = [
        Image.fromarray(darker(one[::2, ::2])).resize((32, 32), Image.Resampling.BICUBIC)
        for one in good
    ]
    pairs = [(one, np.asarray(other)) for one, other in zip(good, enlarged, strict=True)]
    expected = [structural_similarity(*pair, channel_axis=-1) for pair in pairs]
    assert plain.ssim == pytest.approx(np.mean(expected))
    assert scores.parts["input"] == {
        name: plain[name] for name in ("psnr", "ssim", "mae", "mae_of_worst_tenth")
    }
    assert scores.psnr_gained == pytest.approx(scores.psnr - plain.psnr)
    low, high = scores.intervals["ssim_gained"]
    assert 0 < low < scores.ssim_gained < high
    assert "input" in str(scores)
    history = fitted.history.history
    assert scores.ssim == pytest.approx(history["val_ssim"][-1], abs=1e-3)
    assert scores.psnr == pytest.approx(history["val_psnr"][-1], abs=1e-2)
    first, second = fitted.phases
    assert first.stored is not None
    assert first.trainable_parameters < second.trainable_parameters
    assert scores.model_values is None


def test_predictions_are_pictures_as_many_times_as_large_as_the_photo(fitted, tmp_path):
    good = blocks(3, size=24, seed=2)
    folder = write(tmp_path / "pairs", good, good)
    found = fitted.predict(folder / "targets")
    assert [one.size for one in found] == [(48, 48)] * 3
    assert found[0].pixels.dtype == np.uint8
    np.testing.assert_array_equal(fitted.predict(found[0].path).pixels, found[0].pixels)
    assert fitted.predict(Image.fromarray(good[0, :, :20])).pixels.shape == (48, 40, 3)
    found[0].save(tmp_path / "large.png")
    with Image.open(tmp_path / "large.png") as written:
        np.testing.assert_array_equal(np.asarray(written), found[0].pixels)
    with pytest.raises(ValueError, match="saved as a PNG"):
        found[0].save(tmp_path / "large.jpg")
    assert str(found[0]) == "48 x 48 pixels (high, wide)"
    own = blocks(1, size=16, seed=3)
    values = fitted.model.predict(own.astype("float32"), verbose=0)
    np.testing.assert_array_equal(fitted.predict(own)[0].pixels, np.rint(values[0]))


def test_large_photos_are_enlarged_in_tiles(fitted):
    large = blocks(1, size=80, seed=4)[0]
    found = fitted.predict(large, tile=32)
    assert found.size == (160, 160)
    tile = fitted.predict(large[:32, :32])
    np.testing.assert_array_equal(found.pixels[:40, :40], tile.pixels[:40, :40])
    # Figures in tiles are those of the worse pictures in their own sizes.
    good = blocks(2, size=96, seed=7)
    scores = fitted.evaluate(good, tile=32)
    worse = [darker(picture[::2, ::2]) for picture in good]
    made = np.stack([one.pixels for one in fitted.predict(worse, tile=32)])
    assert scores.mae == pytest.approx(np.abs(made.astype(float) - good).mean())


def test_it_is_saved_and_loaded(fitted, tmp_path):
    fitted.save(tmp_path / "saved")
    again = tl.load(tmp_path / "saved")
    assert again.encoding == fitted.encoding
    assert again.kind.degradation == Dim()
    good = blocks(4, seed=3)
    assert dict(again.evaluate(good)) == pytest.approx(dict(fitted.evaluate(good)))
    with zipfile.ZipFile(tmp_path / "saved" / "model.keras") as archive:
        assert b"transferlearn" not in archive.read("config.json")


@pytest.mark.full
def test_the_saved_model_gives_pictures_without_this_package(fitted, tmp_path):
    fitted.save(tmp_path / "saved")
    small = blocks(4, size=16, seed=3)
    np.save(tmp_path / "small.npy", small)
    code = (
        "import sys, keras, numpy as np\n"
        "model = keras.models.load_model(sys.argv[1] + '/saved/model.keras')\n"
        "x = np.load(sys.argv[1] + '/small.npy').astype('float32')\n"
        "np.save(sys.argv[1] + '/large.npy', model.predict(x, verbose=0))\n"
        "assert 'transferlearn' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    for one, pixels in zip(fitted.predict(small), np.load(tmp_path / "large.npy"), strict=True):
        assert pixels.min() >= 0
        assert pixels.max() <= 255
        np.testing.assert_array_equal(one.pixels, np.rint(pixels))


@pytest.mark.full
def test_stored_equals_live(backbone):
    fits = [
        brightening(backbone, freeze="all", augmentation="light").fit(
            blocks(16), epochs=2, cache=cache, verbose=0
        )
        for cache in (False, True)
    ]
    assert [fit.phases[0].stored is None for fit in fits] == [True, False]
    for one, other in zip(*(fit.model.weights for fit in fits), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


@pytest.mark.parametrize("cache", [False, pytest.param(True, marks=pytest.mark.full)])
def test_frozen_layers_stay_as_they_are_to_the_bit_and_all_others_move(backbone, cache):
    case = brightening(backbone, freeze="all")
    before = case.build()
    made = case.fit(blocks(16), epochs=1, cache=cache, validation_split=0, verbose=0).model
    of_backbone = {layer.name for layer in backbone.model.layers}
    for layer in made.layers:
        pairs = zip(before.get_layer(layer.name).get_weights(), layer.get_weights(), strict=True)
        frozen = layer.name in of_backbone
        assert all(np.array_equal(old, new) == frozen for old, new in pairs), layer.name


def test_what_is_stored_beside_the_pyramid_is_the_small_picture(backbone):
    training = brightening(backbone, freeze="all").prepare(blocks(8), validation_split=0)
    network = training.network
    cut = boundary(network, [True] * len(network.layers))
    shapes = sorted(tensor.shape[1:] for tensor in cut.tensors)
    assert shapes == [(7, 7, 16), (15, 15, 16), (16, 16, 3)]


def test_before_training_it_gives_what_goes_in(backbone):
    good = blocks(4).astype("float32")
    plain = builder(backbone, image_size=(32, 32)).build()
    np.testing.assert_allclose(plain.predict(good, verbose=0), good, atol=1e-4)
    assert builder(backbone, image_size=(16, 16)).build(scale=2).output_shape == (None, 32, 32, 3)
    # Whoever calls the model himself must not train its BatchNorm.
    norms = [layer for layer in plain.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = [np.array(norm.moving_mean) for norm in norms]
    plain(good)
    for norm, mean in zip(norms, before, strict=True):
        np.testing.assert_array_equal(norm.moving_mean, mean)


@pytest.mark.full
def test_it_learns_from_pairs_in_folders(backbone, tmp_path):
    good = blocks(32)
    folder = write(tmp_path / "pairs", darker(good), good)
    made = builder(backbone, learning_rate=0.01, image_size=(32, 32))
    fitted = made.fit(folder, epochs=12, verbose=0)
    other = blocks(8, seed=1)
    assert fitted.evaluate((darker(other), other)).mae < 0.7 * np.abs(other - darker(other)).mean()


@pytest.mark.full
@pytest.mark.parametrize("cache", [True, False])
def test_it_learns_from_pairs_in_a_stream(backbone, cache):
    tf = pytest.importorskip("tensorflow")
    train, other = (blocks(32, seed=seed) for seed in (0, 1))
    pairs = [(darker(good) / 255, good / 255) for good in (train, other)]
    streams = [tf.data.Dataset.from_tensor_slices(pair).batch(8) for pair in pairs]
    made = builder(backbone, learning_rate=0.01, value_range=(0, 1))
    fitted = made.fit(*streams, epochs=12, cache=cache, verbose=0)
    assert (fitted.phases[0].stored is not None) == cache
    mae = fitted.evaluate(streams[1]).mae
    assert mae < 0.7 * np.abs(other - darker(other)).mean()
    assert mae == pytest.approx(fitted.evaluate((darker(other), other)).mae, rel=1e-4)


@pytest.mark.full
def test_any_decoder_makes_pictures(backbone):
    head = tl.heads.SegFormerDecoder(width=4, features=("stride_2", "stride_4"))
    fitted = brightening(backbone, head=head).fit(blocks(16), epochs=2, verbose=0)
    assert fitted.predict(blocks(1, size=16))[0].size == (32, 32)


def test_what_cannot_work_is_said(backbone):
    with pytest.raises(TypeError, match=r"decoder, such as tl.heads.PictureUNet\(\)"):
        builder(backbone, head=tl.heads.PooledDense())
    with pytest.raises(ValueError, match="leave the targets as they were"):
        builder(backbone, augmentation="strong")
    with pytest.raises(TypeError, match=r"A degradation is one of tl\.data"):
        builder(backbone, degradation="denoise")
    with pytest.raises(ValueError, match='features are "image" and at least one level'):
        tl.heads.PictureUNet(features=("stride_2",))


@pytest.mark.full
def test_an_interrupted_run_goes_on_to_the_same_weights(backbone):
    tl.testing.check_resume(brightening(backbone), blocks(16), epochs=2)


@pytest.mark.full
def test_an_export_gives_the_same_pictures_of_photos_of_any_size(fitted, tmp_path):
    (tmp_path / "good").mkdir()
    for i, picture in enumerate(blocks(16, seed=1)):
        Image.fromarray(picture).save(tmp_path / "good" / f"{i}.png")
    # Good pictures in files: the check gives both what the network gets, and not the good ones.
    exported = tl.export(fitted, tmp_path / "exported", tmp_path / "good", format="onnx")
    assert exported.checked.equal == 1
    assert exported.checked.difference < 1e-4
    runner = tl.edge.Runner(exported.path)
    photo = blocks(1, size=40, seed=5)[0]
    for tile in (None, 32):
        found, expected = (one.predict(photo, tile=tile).pixels for one in (runner, fitted))
        assert found.shape == (80, 80, 3)
        assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.full
def test_a_report_shows_the_worst_pictures(fitted, tmp_path):
    tl.report(fitted, tmp_path / "report.html", blocks(8, seed=1))
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Worst pictures" in page
    assert "It is better than giving back what goes in" in page
    assert "psnr_gained" in page


@pytest.mark.full
def test_a_comparison_begins_with_what_goes_in(fitted, backbone):
    good = blocks(8, seed=1)
    found = tl.compare(brightening(backbone, learning_rate=0.02), fitted, blocks(32), good)
    first, *_, last = found.contenders
    assert first.name == "giving back what goes in"
    assert first.evaluation.ssim == last.evaluation.unchanged.ssim < last.evaluation.ssim


@pytest.mark.full
def test_another_loss_and_callbacks_see_the_whole_model(backbone):
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(logs["val_ssim"])
    )
    loss = tl.tasks.PerceptualLoss(backbone, features=("stride_2",), weight=5)
    fitted = brightening(backbone, loss=loss).fit(
        blocks(16), blocks(8, seed=1), epochs=2, callbacks=[watch], verbose=0
    )
    assert seen == fitted.history.history["val_ssim"]
    assert fitted.history.history["loss"][1] < fitted.history.history["loss"][0]


@pytest.mark.parametrize("make", [tl.data.super_resolution, tl.data.inpaint])
def test_degradations_are_written_as_they_are_made_again(make):
    written = repr(make())
    assert eval(written, vars(tl.data)) == make()


def test_a_frozen_network_is_trained_at_the_decoders_rate(backbone):
    frozen = brightening(backbone, freeze="all")
    assert frozen.plan(None) == brightening(backbone).plan(None) == tl.schedules.AutoForPictures()
    assert frozen.plan("one-phase") == tl.OnePhase()


@pytest.mark.full
def test_networks_are_suggested_for_pictures_that_are_made_worse(sources):
    registry.register(Levels())
    made = tl.ImageToImageBuilder("Levels", degradation=Dim(), image_size=(64, 64))
    (row,) = tl.suggest(blocks(16, size=128), [made], verbose=0)
    assert (row.score_name, row.image_size) == ("ssim", (64, 64))
    assert 0 < row.score < 1
    other = tl.ImageToImageBuilder("Levels", degradation=Dim(1), image_size=(128, 128))
    with pytest.raises(ValueError, match="so they must have one degradation"):
        tl.suggest(blocks(16, size=128), [made, other], verbose=0)
