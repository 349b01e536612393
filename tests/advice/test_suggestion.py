"""What is suggested is what the images say, and costs nothing but a pass."""

import random
from dataclasses import replace

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.advice.suggestion import Suggestion, Suggestions
from transferlearn.advice.suggestion.sampling import Sampler
from transferlearn.backbones import registry
from transferlearn.data import Reading
from transferlearn.freezing import Layers
from transferlearn.tasks import Classification
from transferlearn.tasks.intervals import wilson
from transferlearn.tasks.solving import logistic as probing

X = pixels(90, 32)
MEANS = X.mean((1, 2, 3))
Y = np.digitize(MEANS, np.quantile(MEANS, [1 / 3, 2 / 3]))


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


@pytest.fixture(scope="module")
def blind():
    """Its last block gives the same for each image."""
    made = small_backbone()
    made.model.get_layer("top_conv").set_weights(
        [np.zeros_like(w) for w in made.model.get_layer("top_conv").get_weights()]
    )
    return made


@pytest.fixture(scope="module")
def found(backbone):
    return tl.suggest((X, Y), [backbone], price_per_hour="3.6 EUR", epochs=4, verbose=0)


def by_depth(suggestions):
    return {row.trained_blocks: row for row in suggestions}


def pooled(backbone, layer):
    """The mean over each map that a layer gives."""
    image = keras.Input((32, 32, 3))
    part = keras.Model(backbone.model.input, backbone.model.get_layer(layer).output)
    model = keras.Model(image, part(backbone.prepare(image)[0]))
    return model.predict(X.astype("float32"), verbose=0).mean((1, 2))


def cross_validated(features, y=Y):
    groups = tl.data.load((X, y)).grouped().together  # some look alike
    scores = [
        probing.solve(features, np.eye(3)[y], seed=seed, groups=groups).score for seed in range(5)
    ]
    return pytest.approx(np.mean(scores), abs=0.006)


def test_with_all_frozen_the_expected_accuracy_is_that_of_a_probe(backbone, found):
    row = by_depth(found)[0]
    assert row.score == cross_validated(pooled(backbone, backbone.blocks[-1].name))
    assert row.interval == wilson(row.score, 90)
    assert (row.freeze, row.schedule) == ("all", "probe")


def test_a_depth_reads_where_it_begins_and_all_behind_it(backbone):
    parts = [pooled(backbone, block.name) for block in backbone.blocks[-3:]]
    scaled = [part / np.sqrt(part.var(0).sum()) for part in parts]
    row = by_depth(tl.suggest((X, Y), [backbone], depths=[0, 2], verbose=0))[2]
    assert row.freeze == backbone.blocks[-3].name
    skipped = np.concatenate([scaled[0], scaled[2]], axis=1)
    assert row.score == cross_validated(skipped)
    assert row.score != cross_validated(parts[0])


def test_blocks_are_worth_training_where_earlier_ones_know_more(blind):
    rows = by_depth(tl.suggest((X, Y), [blind], verbose=0))
    assert rows[0].score < 0.45
    assert rows[len(blind.blocks)].score > 0.7


def test_the_best_is_first(backbone, blind):
    found = tl.suggest((X, Y), [blind, backbone], depths=[0], verbose=0)
    assert [row.builder.backbone for row in found] == [backbone, blind]
    assert found[0].score > found[1].score


def test_where_nothing_is_left_to_gain_the_quickest_is_first():
    image = keras.Input((None, None, 3))
    model = keras.Model(image, keras.layers.Conv2D(4, 3)(keras.layers.Conv2D(4, 3)(image)))
    sizes = [tl.ImageClassifierBuilder(model, image_size=size) for size in ((24, 24), (16, 16))]
    y = np.arange(60) % 2
    bright_or_dark = (X[:60] // 8 + 200 * y[:, None, None, None]).astype("uint8")
    found = tl.suggest((bright_or_dark, y), sizes, verbose=0)
    assert [row.score for row in found] == [1.0] * 6
    places = [(row.builder.image_size[0], row.trained_blocks) for row in found]
    assert places == [(16, 0), (16, 1), (16, 2), (24, 0), (24, 1), (24, 2)]


@pytest.mark.full
def test_where_the_features_show_no_gain_the_deepest_is_first(backbone):
    last = pooled(backbone, backbone.blocks[-1].name)
    y = last.argsort(0).argsort(0)[:, 0] // 30  # what the last block alone knows best
    before = pooled(backbone, backbone.blocks[-2].name)
    both = [part / np.sqrt(part.var(0).sum()) for part in (before, last)]
    found = tl.suggest((X, y), [backbone], depths=[0, 1], verbose=0)
    assert found[0].score == found[1].score == cross_validated(last, y)
    assert cross_validated(np.concatenate(both, axis=1), y) != found[0].score
    assert (found[0].trained_blocks, found[1].trained_blocks) == (1, 0)


@pytest.mark.full
def test_builders_go_on(backbone, found):
    layers = Layers.of(backbone)
    for row in found:
        expected = layers.frozen_by(tl.freezing.TrainLastBlocks(row.trained_blocks))
        assert layers.frozen_by(tl.freezing.as_strategy(row.freeze)) == expected
        if row.trained_blocks in (0, len(backbone.blocks)):
            frozen = replace(row.builder, freeze=row.freeze)
            fitted = frozen.fit((X, Y), epochs=2, schedule=row.schedule, verbose=0)
            assert fitted.phases[-1].trainable_parameters == row.trained_parameters
            assert fitted.model.count_params() == row.parameters
            assert row.megabytes == row.parameters * 4 / 1e6


def test_time_and_cost_are_of_the_pass_and_the_epochs(backbone, found):
    rows = by_depth(found)
    passes = [rows[n].training_seconds / 90 / rows[n].seconds_per_item for n in sorted(rows)]
    assert passes == sorted(passes)
    assert 0.9 < passes[0] < 1.1
    assert passes[-1] == pytest.approx(4 * 3)
    for row in found:
        assert row.cost.amount == pytest.approx(row.training_seconds / 1000)
        assert row.cost.currency == row.facts()["cost"]["currency"] == "EUR"


def test_depths_are_those_asked_for(backbone):
    found = tl.suggest((X, Y), [backbone], depths=[1, 0, 99], verbose=0)
    assert sorted(by_depth(found)) == [0, 1, len(backbone.blocks)]


@pytest.mark.full
def test_images_come_in_the_size_of_the_candidate():
    image = keras.Input((None, None, 3))
    mean = keras.layers.Conv2D(4, 1, name="conv")(image)
    builders = [
        tl.ImageClassifierBuilder(keras.Model(image, mean), image_size=size)
        for size in ((16, 16), (24, 8), None)
    ]
    found = tl.suggest((X, Y), builders, depths=[0], verbose=0)
    sizes = {(16, 16), (24, 8), (32, 32)}
    assert {row.size for row in found} == {f"{height}x{width} px" for height, width in sizes}
    assert {row.builder.image_size for row in found} == sizes == {x.image_size for x in found}


def test_the_published_order_stands_beside_that_of_the_data(backbone, blind, sources):
    made = {"Famous": (90.0, blind), "Humble": (60.0, backbone), "Unknown": (None, backbone)}

    class Ours(tl.backbones.BackboneSource):
        names = tuple(made)

        def facts(self, name):
            return tl.backbones.Facts(name=name, image_size=(32, 32), top1=made[name][0])

        def load(self, name, *, weights, image_size):
            return made[name][1]

    registry.register(Ours())
    found = tl.suggest((X, Y), list(made), depths=[0], verbose=0)
    places = {row.network: row.published_place for row in found}
    assert found[-1].network == "Famous"
    assert places == {"Famous": 1, "Humble": 2, "Unknown": None}
    assert "90.0" in str(found)


def test_a_sample_holds_each_class_in_its_proportion(backbone):
    y = np.repeat([0, 1, 2], [60, 20, 10])

    def sample(seed):
        return Sampler((X, y), items=18, seed=seed).read(Classification(), Reading())

    assert np.bincount(sample(0).items.targets.labels).tolist() == [12, 4, 2]
    assert sample(0).total == 90
    one, again, other = (sample(seed).items.content_hashes() for seed in (0, 0, 1))
    assert again == one != other
    found = tl.suggest((X, y), [backbone], depths=[0], items=18, verbose=0)
    assert found.items == 18
    assert found[0].training_seconds == pytest.approx(90 * found[0].seconds_per_item, rel=0.1)


class Stream(keras.utils.PyDataset):
    def __init__(self, y):
        super().__init__()
        self.y, self.read = y, set()

    def __len__(self):
        return 9

    def __getitem__(self, i):
        self.read.add(i)
        rows = slice(10 * i, 10 * i + 10)
        return X[rows] / np.float32(255), np.eye(3)[self.y[rows]]


@pytest.mark.filterwarnings("ignore:All values of")
def test_of_a_stream_the_beginning_is_read(backbone):
    stream = Stream(Y)
    found = tl.suggest(stream, [backbone], depths=[0], items=35, verbose=0)
    assert (found.items, max(stream.read)) == (35, 3)
    arrays = tl.suggest((X[:35], Y[:35]), [backbone], depths=[0], verbose=0)
    assert found[0].score == pytest.approx(arrays[0].score, abs=0.03)
    with pytest.raises(ValueError, match="No image of"):
        tl.suggest(Stream(np.sort(Y)), [backbone], items=20, verbose=0)


def test_nothing_that_was_passed_and_no_random_state_changes(backbone):
    builder = tl.ImageClassifierBuilder(backbone, seed=3)
    before = [w.copy() for w in backbone.model.get_weights()]
    trainable = [layer.trainable for layer in backbone.model.layers]
    random.seed(7)
    np.random.seed(7)  # noqa: NPY002
    kept, kept_numpy = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    tl.suggest((X, Y), [builder, backbone], depths=[0, 2], verbose=0)
    assert random.getstate() == kept
    assert np.random.get_state()[1].tolist() == kept_numpy  # noqa: NPY002
    assert builder == tl.ImageClassifierBuilder(backbone, seed=3)
    assert [layer.trainable for layer in backbone.model.layers] == trainable
    for a, b in zip(before, backbone.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_one_seed_gives_one_answer(sources):
    class Random(tl.backbones.BackboneSource):
        names = ("Random",)

        def load(self, name, *, weights, image_size):
            layers = [keras.Input((*image_size, 3)), keras.layers.Conv2D(6, 3, strides=4)]
            return tl.backbones.from_model(keras.Sequential(layers))

    registry.register(Random())

    def accuracy(seed):
        return tl.suggest((X, Y), ["Random"], depths=[0], items=60, seed=seed, verbose=0)[0].score

    first = accuracy(0)
    random.seed(5)
    assert first == accuracy(0) != accuracy(1)


@pytest.mark.full
def test_several_labels_an_image(backbone):
    y = np.stack([Y > 0, Y == 1], axis=1).astype("float32")
    builder = tl.ImageClassifierBuilder(backbone, multi_label=True)
    row = tl.suggest((X, y), [builder], depths=[0], verbose=0)[0]
    assert 0.7 < row.score < 1
    assert row.parameters == backbone.model.count_params() + 2 * 17


def test_the_table_and_the_plot(found, backbone, tmp_path):
    lines = str(found).splitlines()
    assert len(lines) == len(found) + 3
    assert lines[0].split()[0] == "network"
    assert f"{found[0].score:.3f}" in lines[1]
    assert "published top-1" not in lines[0]  # of a network of one's own nothing is published
    assert "cost, EUR" in lines[0]
    assert "cost" not in str(tl.suggest((X, Y), [backbone], depths=[0], verbose=0)).splitlines()[0]
    marked = [row for row, line in zip(found, lines[1:], strict=False) if line[0] == "*"]
    assert marked == [found.recommended]
    found.plot(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def wrong(*items):
    """The errors of 100 items, of which these are wrong."""
    return np.isin(np.arange(100), items).astype(float)


def suggestions(*rows):
    """Suggestions with these wrong items of 100, trained blocks and seconds."""
    return Suggestions(
        tuple(
            Suggestion(
                builder=tl.ImageClassifierBuilder("EfficientNetLite0"),
                schedule="fine-tune" if blocks else "probe",
                network="Net",
                size="96x96 px",
                freeze=f"block{9 - blocks}" if blocks else "all",
                trained_blocks=blocks,
                score_name="accuracy",
                score=1 - errors.mean(),
                interval=wilson(1 - errors.mean(), 100),
                seconds_per_item=0.01,
                operations=1.0,
                parameters=1,
                trained_parameters=1,
                megabytes=1.0,
                training_seconds=seconds,
                errors=errors,
            )
            for errors, blocks, seconds in rows
        ),
        items=100,
        noun="image",
    )


def test_a_quick_row_that_is_beaten_item_by_item_is_not_recommended():
    best, alike = wrong(*range(10)), wrong(*range(9), 50, 51, 52)
    beaten = wrong(*range(16))  # wrong wherever the best is wrong, and six times more
    found = suggestions((best, 6, 360.0), (best, 3, 90.0), (alike, 2, 12.0), (beaten, 0, 3.0))
    assert found[3].score > found[0].interval[0]  # the intervals overlap widely
    assert found.recommended is found[2]
    assert str(found).splitlines()[-1] == (
        "* Net at 96x96 px, frozen up to block7: 0.880, which the best (0.900, Net at 96x96 px, "
        "frozen up to block3) does not clearly beat on the same images, and 30 times faster to "
        "train. Training more blocks often gains more than the table can tell."
    )
    shallow = suggestions((best, 0, 30.0), (best, 0, 12.0), (alike, 0, 12.0))
    assert shallow.recommended is shallow[1]
    assert str(shallow).endswith("and 2.5 times faster to train.")


def test_a_few_items_decide_nothing():
    found = suggestions((wrong(1), 6, 360.0), (wrong(1, 2, 3, 4), 0, 3.0))
    assert found.recommended is found[1]


def test_the_best_is_recommended_where_it_is_quickest_or_nothing_is_known_of_times_or_items():
    quick = suggestions((wrong(1), 2, 5.0), (wrong(2, 3), 0, 5.0))
    unknown = suggestions((wrong(1), 2, None), (wrong(2, 3), 0, None))
    assert quick.recommended is quick[0]
    assert unknown.recommended is unknown[0]
    assert str(quick).endswith("0.990, the best; none that is about as good trains quicker.")
    assert str(unknown).endswith("the best; how long each takes to train is not known.")
    rows = suggestions((wrong(1), 2, 60.0), (wrong(2, 3), 0, 5.0)).rows
    by_score = Suggestions(
        tuple(replace(row, errors=None) for row in rows), items=100, noun="image"
    )
    assert by_score.recommended is by_score[0]


def test_each_row_knows_how_wrong_each_item_is(backbone, found):
    for row in found:
        assert 1 - row.errors.mean() == pytest.approx(row.score)
    assert "errors" not in found[0].facts()
    numbers = tl.ImageRegressorBuilder(backbone)
    row = tl.suggest((X, MEANS), [numbers], depths=[0], verbose=0)[0]
    assert 1 - row.errors.mean() == pytest.approx(row.score, abs=1e-3)
    few = np.r_[0 : len(Y) : 9, np.flatnonzero(Y == 2)]  # class 2 counts as much as the others
    row = tl.suggest((X[few], (Y[few] == 2).astype(int)), [backbone], depths=[0], verbose=0)[0]
    assert row.score_name == "balanced_accuracy"
    assert 1 - row.errors.mean() == pytest.approx(row.score)


def test_candidates_must_look_at_the_same_images(backbone):
    builder = tl.ImageClassifierBuilder(backbone)
    with pytest.raises(ValueError, match=r"on_error must be the same.* 'skip', 'raise'"):
        tl.suggest((X, Y), [builder, replace(builder, on_error="raise")])


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"candidates": "EfficientNetLite0"}, TypeError, "candidates is a list"),
        ({"candidates": []}, TypeError, "candidates is a list"),
        ({"candidates": ["EfficientNetLight0"]}, ValueError, "Closest: EfficientNetLite0"),
        ({"depths": 3}, TypeError, "depths is a list"),
        ({"depths": []}, TypeError, "depths is a list"),
        ({"depths": [-1]}, ValueError, "depths is a whole number of at least 0"),
        ({"items": 1}, ValueError, "items is a whole number of at least 2"),
        ({"price_per_hour": 0.5}, ValueError, 'Write price_per_hour="0.5 EUR"'),
    ],
)
def test_what_cannot_be_is_refused_before_any_image_is_read(backbone, change, error, said):
    with pytest.raises(error, match=said):
        tl.suggest("nowhere", **{"candidates": [backbone], **change})


def test_the_layers_of_a_network_may_have_any_names():
    made = small_backbone()  # it has a layer named "concatenate"
    keras.backend.clear_session()  # names are counted anew, as in the process that loads a network
    assert len(tl.suggest((X, Y), [made], verbose=0)) == 5
