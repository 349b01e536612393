"""Labels that were made wrong are found, and those that are right are left alone."""

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests import made
from tests.masks import scenes
from tests.networks import pixels, small_backbone
from transferlearn.advice.doubts import ranking
from transferlearn.data import LoadedData
from transferlearn.tasks import ClassEncoding, TagEncoding

Y = np.random.default_rng(0).integers(0, 2, 120)
X = (pixels(120, 32) * 0.6 + 80 * Y[:, None, None, None]).astype("uint8")
MEANS = X.mean((1, 2, 3))
FLIPPED = np.random.default_rng(1).permutation(len(Y))[:18]
WRONG = np.where(np.isin(np.arange(len(Y)), FLIPPED), 1 - Y, Y)


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


@pytest.fixture
def builder(backbone):
    return tl.ImageClassifierBuilder(backbone)


def share(found, wrong):
    """The share of the wrong labels among as many of the most doubtful."""
    return np.isin([row.item for row in found[: len(wrong)]], wrong).mean()


def test_flipped_classes_are_found_before_and_after_they_were_learnt_by_heart(builder):
    found = tl.doubt(builder, (X, WRONG), verbose=0)
    assert len(found) == len(X)
    assert share(found, FLIPPED) > 0.7
    assert np.isin([row.item for row in found.suspected], FLIPPED).mean() > 0.6
    first = found[0]
    assert {first.given, first.instead} == {"0", "1"}
    assert first.given == str(WRONG[first.item])
    fitted = builder.fit((X, WRONG), schedule="probe", verbose=0)
    again = tl.doubt(fitted, (X, WRONG), verbose=0)
    assert [row.item for row in again] == [row.item for row in found]


def test_a_model_judges_items_that_it_has_never_seen(builder):
    fitted = builder.fit((X[:60], Y[:60]), schedule="probe", verbose=0)
    found = tl.doubt(fitted, (X[60:], WRONG[60:]), verbose=0)
    values = fitted.evaluate((X[60:], WRONG[60:])).probabilities
    own = values[np.arange(60), WRONG[60:]]
    np.testing.assert_allclose([row.doubt for row in found], np.sort(1 - own)[::-1], atol=1e-6)


def test_a_save_that_knows_the_labels_by_heart_is_refused(builder, tmp_path):
    builder.fit((X, WRONG), schedule="probe", verbose=0).save(tmp_path / "save")
    with pytest.raises(ValueError, match="know their labels by heart"):
        tl.doubt(tl.load(tmp_path / "save"), (X, WRONG))


def test_wrong_tags_and_numbers_are_found(backbone):
    tags = np.stack([Y, X[..., 0].mean((1, 2)) > 127], axis=1).astype(int)
    wrong = tags.copy()
    wrong[FLIPPED, 0] = 1 - wrong[FLIPPED, 0]
    builder = tl.ImageClassifierBuilder(backbone, multi_label=True)
    assert share(tl.doubt(builder, (X, wrong), verbose=0), FLIPPED) > 0.6
    numbers = MEANS.copy()
    numbers[FLIPPED] += 60.0
    found = tl.doubt(tl.ImageRegressorBuilder(backbone), (X, numbers), verbose=0)
    assert share(found, FLIPPED) > 0.8


def test_copies_do_not_vouch_for_each_other(builder):
    # Each wrong label stands at two copies of a photo: a head that saw one knows the other.
    x = np.concatenate([X, X[FLIPPED]])
    found = tl.doubt(builder, (x, np.concatenate([WRONG, WRONG[FLIPPED]])), verbose=0)
    wrong = [*FLIPPED, *range(len(X), len(x))]
    assert share(found, wrong) > 0.7


def test_the_doubt_of_a_class_is_1_minus_the_probability_of_its_label():
    values = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])
    encoding = ClassEncoding(class_names=("cat", "dog"), units=2)
    found = ranking(encoding.scoring.measure(values, np.array([0, 0, 1, 1])))
    np.testing.assert_allclose(found.doubts, [0.1, 0.8, 0.3, 0.6])
    # Those of dog have it at .55 in the mean, which the second item exceeds; cats too have .55.
    assert found.suspected.tolist() == [False, True, False, True]
    assert found.given == ["cat", "cat", "dog", "dog"]
    assert found.instead == ["cat", "dog", "dog", "cat"]


def test_the_doubt_of_tags_is_that_of_the_worst():
    values = np.array([[0.9, 0.8], [0.2, 0.1], [0.9, 0.1]])
    encoding = TagEncoding(class_names=("sea", "sun"), units=2, activation="sigmoid")
    found = ranking(encoding.scoring.measure(values, np.array([[1, 1], [1, 0], [1, 0]])))
    np.testing.assert_allclose(found.doubts, [0.2, 0.8, 0.1])
    assert found.given == ["sea, sun", "sea", "sea"]
    assert found.instead == ["sea, sun", "none", "sea"]


def test_pictures_have_no_labels_and_streams_cannot_be_looked_up(backbone):
    fitted = made.of_colours(np.eye(3)[:, :2])
    with pytest.raises(TypeError, match="Nothing says which labels"):
        ranking(tl.tasks.Evaluation({}))
    with pytest.raises(TypeError, match="a builder or a fitted model"):
        tl.doubt(fitted.model, (X, Y))
    few = LoadedData(tl.data.load((X[:4], Y[:4])), None)
    with pytest.raises(ValueError, match="There are 4 images"):
        tl.doubt(tl.ImageClassifierBuilder(backbone), few)
    flow = keras.utils.PyDataset()
    flow.__class__ = type(
        "Flow",
        (keras.utils.PyDataset,),
        {"__len__": lambda self: 2, "__getitem__": lambda self, i: (X[:8], Y[:8])},
    )
    with pytest.raises(ValueError, match="labels of a stream"):
        tl.doubt(tl.ImageClassifierBuilder(backbone), flow, verbose=0)


def test_the_table_says_what_was_done_and_the_picture_shows_the_worst(builder):
    found = tl.doubt(builder, (X, WRONG), verbose=0)
    assert "five folds, on the frozen network" in str(found)
    assert str(found).count("\n") == 22
    titles = [ax.get_title(loc="left") for ax in found.show(3).axes]
    assert len(titles) == 3
    assert titles[0].startswith(f"given: {found[0].given}")


@pytest.mark.full
def test_masks_that_belong_to_other_photos_are_found(backbone):
    images, masks = scenes(48)
    masks[[3, 30]] = masks[[30, 3]]
    head = tl.heads.SegFormerDecoder(width=16, features=("stride_2", "stride_4"))
    builder = tl.ImageSegmenterBuilder(
        backbone, head=head, batch_size=4, image_size=(32, 32), learning_rate=0.01
    )
    found = tl.doubt(builder, (images, masks), verbose=0)
    assert {found[0].item, found[1].item} == {3, 30}
    assert "trained on the other half" in found.summary
    drawn = found.show(2).axes[0].get_images()
    assert len(drawn) == 2  # the mask lies over its photo
