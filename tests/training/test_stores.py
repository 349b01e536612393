"""What of stored features is found again, and what is not stored."""

from dataclasses import dataclass, replace

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from tests.phase_words import cache_of
from transferlearn.data.contents import ItemContents
from transferlearn.features import memory
from transferlearn.freezing import FreezeAll, FreezeUpTo


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


@pytest.fixture
def computed(monkeypatch):
    """The numbers of images that went through the frozen part, a pass an entry."""
    counts = []
    read = ItemContents.read

    def counting(self, rows, batch_size):
        counts.append(len(rows))
        return read(self, rows, batch_size)

    monkeypatch.setattr(ItemContents, "read", counting)
    return counts


X, Y = pixels(40, 32, seed=1), np.arange(40) % 2


def fit(backbone, cache=True, data=(X, Y), *, epochs=2, schedule=None, split=0.25, **options):
    builder = tl.ImageClassifierBuilder(backbone, **{"seed": 0, "freeze": "all", **options})
    return builder.fit(
        data, epochs=epochs, schedule=schedule, cache=cache, validation_split=split, verbose=0
    )


@pytest.mark.core
def test_each_image_is_computed_once(backbone, computed):
    doubled = (np.concatenate([X, X[:10]]), np.concatenate([Y, Y[:10]]))
    fitted = fit(backbone, data=doubled, split=0, epochs=3)
    assert sum(computed) == 40
    assert "40 of 50 items" in cache_of(fitted.phases[0])
    assert "in memory" in cache_of(fitted.phases[0])


@pytest.mark.parametrize(
    "options",
    [
        {"head": tl.heads.PooledDense(dropout=0.5)},
        {"learning_rate": 0.1, "optimizer": "sgd"},
        {"freeze": "top_relu"},
        *(
            pytest.param(options, marks=pytest.mark.full)
            for options in ({"seed": 5}, {"batch_size": 8}, {"loss": "binary_crossentropy"})
        ),
    ],
    ids=lambda options: next(iter(options)),
)
def test_another_head_rate_seed_or_batch_size_finds_it_again(backbone, computed, options):
    fit(backbone)
    assert sum(computed) == 40
    fitted = fit(backbone, **options)
    assert sum(computed) == 40
    assert "all 40 items found" in cache_of(fitted.phases[0])


def test_any_head_finds_what_is_stored_for_any_head(backbone, computed, tmp_path):
    cache = tl.Cache(directory=tmp_path, any_head=True)
    pooled, flat = fit(backbone, cache), fit(backbone, cache, head=tl.heads.FlattenDense((16,)))
    assert sum(computed) == 40
    assert "all 40 items found" in cache_of(flat.phases[0])
    assert "up to top_relu" in cache_of(pooled.phases[0])


def test_what_a_head_pools_is_stored_pooled(backbone, tmp_path):
    whole = fit(backbone, tl.Cache(directory=tmp_path / "whole", any_head=True))
    pooled = fit(backbone, tl.Cache(directory=tmp_path / "pooled"))
    sizes = [
        sum(file.stat().st_size for file in (tmp_path / name).rglob("rows.bin"))
        for name in ("whole", "pooled")
    ]
    values = backbone.model.output.shape[1:]
    assert sizes == [40 * 4 * np.prod(values), 40 * 4 * values[-1]]
    for a, b in zip(whole.model.get_weights(), pooled.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.full
def test_only_new_images_are_computed(backbone, computed):
    fit(backbone, data=(X[:30], Y[:30]))
    fit(backbone)
    assert sum(computed) == 30 + 10


def test_a_changed_pixel_weight_or_preprocessing_is_computed_anew(backbone, computed):
    fit(backbone)
    computed.clear()
    changed = X.copy()
    changed[3, 0, 0, 0] ^= 1
    fit(backbone, data=(changed, Y))
    assert sum(computed) == 1
    computed.clear()
    preprocessing = keras.layers.Rescaling(1 / 128, -1.0)
    fit(replace(backbone, preprocessing=preprocessing))
    assert sum(computed) == 40
    computed.clear()
    other = small_backbone(seed=0)
    kernel = other.model.get_layer("top_conv").kernel
    kernel.assign(kernel + 1e-6)
    fit(other)
    assert sum(computed) == 40
    computed.clear()
    fit(small_backbone(seed=0))
    assert sum(computed) == 0


@dataclass(frozen=True)
class Freezing(tl.Schedule):
    """First the blocks behind the stem are trained, then nothing but the head."""

    def phases(self, job):
        yield tl.Phase(freeze=FreezeUpTo("stem_bn"), epochs=2)
        yield tl.Phase(freeze=FreezeAll(), epochs=2)


@pytest.mark.full
@pytest.mark.core
def test_the_cut_moves_forward_from_what_is_stored(backbone, computed):
    fitted = fit(backbone, schedule=Freezing())
    assert sum(computed) == 40  # the second phase goes on from the first one's features
    live = fit(backbone, False, schedule=Freezing())
    for a, b in zip(fitted.model.get_weights(), live.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.core
def test_a_directory_is_found_by_another_process(backbone, computed, tmp_path):
    cache = tl.Cache(directory=tmp_path / "features")
    first = fit(backbone, cache)
    memory._remembered.clear()
    again = fit(backbone, cache)
    assert sum(computed) == 40
    assert "all 40 items found" in cache_of(again.phases[0])
    for a, b in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_above_the_memory_budget_it_is_on_disk(backbone, tmp_path):
    cache = tl.Cache(directory=tmp_path / "features", memory=0)
    on_disk, in_memory = fit(backbone, cache), fit(backbone)
    assert str(tmp_path / "features") in cache_of(on_disk.phases[0])
    for a, b in zip(on_disk.model.get_weights(), in_memory.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_what_fits_nowhere_is_computed_in_each_epoch(backbone, computed):
    fitted = fit(backbone, tl.Cache(memory=0, disk=0))
    assert not computed
    assert "nothing is stored: it takes 0.0 MB, more than there is" in cache_of(fitted.phases[0])


@pytest.mark.full
def test_another_precision_has_a_store_of_its_own(backbone, computed, tmp_path):
    for cache in (True, tl.Cache(dtype="bfloat16"), tl.Cache(directory=tmp_path / "features")):
        computed.clear()
        memory._remembered.clear()
        fit(backbone, cache, precision="mixed_bfloat16")
        fit(backbone, cache)
        assert sum(computed) == 80


def test_less_memory_than_is_taken_already_trains_live(backbone):
    fit(backbone)
    assert "nothing is stored" in cache_of(fit(backbone, tl.Cache(memory=0, disk=0)).phases[0])


def test_a_damaged_store_of_an_earlier_cut_is_computed_again(backbone, computed, tmp_path):
    cache = tl.Cache(directory=tmp_path / "features", memory=0)
    fit(backbone, cache, freeze="stem_bn")
    for file in (tmp_path / "features").rglob("rows.bin"):
        content = bytearray(file.read_bytes())
        content[7] ^= 1
        file.write_bytes(content)
    memory._remembered.clear()
    computed.clear()
    with pytest.warns(UserWarning, match="damaged"):
        fitted = fit(backbone, cache)
    assert sum(computed) == 40
    assert "30 images and 10 held out" in cache_of(fitted.phases[0])


@pytest.mark.full
def test_a_store_cut_short_while_in_use_is_mended(backbone, computed, tmp_path):
    cache = tl.Cache(directory=tmp_path / "features", memory=0)
    fit(backbone, cache)
    for file in (tmp_path / "features").rglob("rows.bin"):
        file.write_bytes(file.read_bytes()[:-100])
    computed.clear()
    with pytest.warns(UserWarning, match="damaged"):
        fit(backbone, cache)
    assert sum(computed) == 40


def test_changed_code_is_computed_anew(computed):
    def network(factor):
        image = keras.Input((32, 32, 3))
        x = keras.layers.Conv2D(4, 3, strides=4, activation=factor)(image)
        initial = keras.initializers.RandomNormal(seed=1)
        x = keras.layers.Conv2D(4, 3, kernel_initializer=initial)(x)
        return tl.backbones.from_model(keras.Model(image, x))

    @keras.saving.register_keras_serializable(package="tests", name="once")
    def act(x):
        return x

    keras.utils.set_random_seed(0)
    fit(network(act))
    keras.utils.set_random_seed(0)
    fit(network(act))
    assert sum(computed) == 40

    @keras.saving.register_keras_serializable(package="tests", name="once")
    def act(x):
        return x * 2

    keras.utils.set_random_seed(0)
    fit(network(act))
    assert sum(computed) == 80


def test_values_too_large_for_float16_are_refused(backbone):
    large = replace(backbone, preprocessing=keras.layers.Rescaling(300.0))
    with pytest.raises(ValueError, match="above 65504"):
        fit(large, tl.Cache(trunk_dtype="float16"))


def test_a_later_phase_that_stores_nothing_loses_nothing(backbone):
    fitted = fit(backbone, True, freeze=None, schedule="fine-tune", epochs=2)
    assert [("computed once" in cache_of(phase)) for phase in fitted.phases] == [True, False]


@pytest.mark.full
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_the_bytes_and_nearly_the_same(backbone, dtype):
    half, full = fit(backbone, tl.Cache(dtype=dtype), epochs=4), fit(backbone, epochs=4)
    trained = [np.asarray(f.model.get_layer("predictions").kernel) for f in (half, full)]
    assert not np.array_equal(*trained)
    np.testing.assert_allclose(*trained, atol=0.02)
    assert half.model.predict(X, verbose=0).dtype == np.float32


def test_the_frozen_part_computes_in_another_precision(backbone, computed):
    full = fit(backbone)
    half = fit(backbone, tl.Cache(trunk_dtype="bfloat16"))
    assert sum(computed) == 80
    trained = [np.asarray(f.model.get_layer("predictions").kernel) for f in (half, full)]
    assert not np.array_equal(*trained)
    np.testing.assert_allclose(*trained, atol=0.05)
    assert {w.dtype for w in half.model.weights} == {"float32"}


@pytest.mark.full
def test_mixed_precision_is_stored_as_it_is_computed(backbone):
    stored, live = (fit(backbone, c, precision="mixed_bfloat16") for c in (True, False))
    for a, b in zip(stored.model.get_weights(), live.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-3)


def test_one_epoch_computes_nothing_twice(backbone, computed):
    fitted = fit(backbone, "auto", epochs=1, schedule="one-phase")
    assert not computed
    assert "storing would save no time in 1 epoch" in cache_of(fitted.phases[0])


def test_a_directory_that_cannot_be_written_is_refused_before_any_work(backbone, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="not a folder that can be written to"):
        fit(backbone, tl.Cache(directory=tmp_path / "file" / "features"), data="no such data")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"freeze": "none"}, "no layer at the network's beginning is frozen"),
        ({"augmentation": keras.layers.RandomFlip()}, "views=4"),
    ],
)
def test_true_says_why_nothing_can_be_stored(backbone, options, reason):
    with pytest.raises(ValueError, match=f"cache=True.*{reason}"):
        fit(backbone, True, **options)
    assert reason in cache_of(fit(backbone, "auto", **options).phases[0])


@pytest.mark.parametrize("cache", ["on", 1, None, "features"])
def test_a_cache_is_a_word_a_bool_or_a_cache(backbone, cache):
    with pytest.raises(TypeError, match="cache is 'auto'"):
        fit(backbone, cache)


def test_a_layer_that_may_be_random_is_not_stored(computed):
    @keras.saving.register_keras_serializable(package="tests")
    class Noise(keras.layers.Layer):
        def call(self, inputs, training=False):
            return inputs + (0.5 if training else 0.0)

    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, strides=4, name="first")(image)
    x = keras.layers.Conv2D(8, 3, name="second")(Noise(name="noise")(x))
    own = tl.backbones.from_model(keras.Model(image, x))
    with pytest.warns(UserWarning, match="noise"):
        fitted = fit(own)
    assert "up to first:" in cache_of(fitted.phases[0])
