"""Pictures of masks show the masks, in colours that everybody can tell apart."""

import numpy as np
import pytest

import transferlearn as tl
from transferlearn.edge.maps.palette import colours
from transferlearn.plotting.items import draw_items
from transferlearn.tasks import MaskEncoding

pytestmark = pytest.mark.core
NAMES = ("sky", "$road$", "<b>")
ENCODING = MaskEncoding(class_names=NAMES, mask_values=(0, 1, 2), void=255, size=(8, 8))


@pytest.fixture(scope="module")
def evaluation():
    rng = np.random.default_rng(0)
    masks = rng.choice([0, 1, 255], size=(5, 8, 8)).astype("uint8")
    said = masks % 255
    said[2] = 1 - said[2]
    said[3, 0] = 2
    return ENCODING.scoring.measure(np.eye(3, dtype="float32")[said], masks)


def test_the_worst_photos_come_first_and_perfect_ones_do_not(evaluation):
    found = tl.plotting.mistakes(evaluation)
    assert [one.item for one in found] == [2, 3]
    assert found[0].lines == ("mean IoU 0.00", "worst: sky (0.00)")
    assert found[1].lines[1] == "worst: <b> (0.00)"


def test_overlaps_and_confusion_are_those_of_the_evaluation(evaluation):
    drawn = tl.plotting.pictures(evaluation)
    bars = tl.plotting.overlaps(evaluation).axes[0].patches
    assert [bar.get_width() for bar in bars] == [evaluation[f"iou: {n}"] for n in NAMES]
    ax = drawn["Confusion of pixels"]().axes[0]
    shares = evaluation.confusion / np.maximum(evaluation.confusion.sum(axis=1), 1)[:, None]
    np.testing.assert_allclose(ax.images[0].get_array()[:2], shares[:2])
    assert ax.get_title().endswith("pixels right")
    for draw in drawn.values():
        draw().draw_without_rendering()
    with pytest.raises(TypeError, match="needs a MaskEvaluation"):
        tl.plotting.overlaps({})


def as_seen_without_red_or_green(rgb, lost):
    """Simulates dichromacy by Vienot, Brettel and Mollon (1999), in linear RGB."""
    kept = {"red": (0.11238, 0.88762, 0.00401), "green": (0.29275, 0.70725, -0.02234)}
    x, y, z = kept[lost]
    matrix = np.array([[x, y, 0], [x, y, 0], [z, -z, 1]])
    return np.clip((rgb / 255) ** 2.2 @ matrix.T, 0, 1) ** (1 / 2.2) * 255


@pytest.mark.parametrize("lost", ["red", "green"])
def test_the_first_eight_colours_differ_for_those_who_see_no_red_or_no_green(lost):
    seen = as_seen_without_red_or_green(colours(8).astype(float), lost)
    apart = np.abs(seen[:, None] - seen[None]).max(axis=-1)
    assert apart[np.triu_indices(8, 1)].min() > 25
    assert len({tuple(c) for c in colours(60)}) == 60


def test_titles_fit_above_a_single_small_picture():
    words = "background 85%, foreground 15%"
    photo = np.zeros((8, 8, 3), "uint8")
    kind = tl.data.Images(image_size=(8, 8))
    figure = draw_items(kind, [photo], [[words]], title="A batch to train on")
    figure.draw_without_rendering()
    above = figure.texts[0] if figure.texts else figure._suptitle
    for text in (above, figure.axes[0]._left_title):
        box = text.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width
    shown = figure.axes[0].get_title(loc="left")
    assert shown.split() == words.split()
    assert "\n" in shown
