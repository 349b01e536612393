"""Pictures of evaluations of classes show the evaluation."""

from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

import transferlearn as tl
from transferlearn.plotting.classes import confused_pairs
from transferlearn.tasks.classification.figures import classification_figures

pytestmark = pytest.mark.core
HOSTILE = [
    "<script>alert(1)</script>",
    "--><script>alert(2)</script>",
    "$x_1$ \\frac{a}{b}",
    ("кошка 猫 고양이 " * 9)[:80],
    "line\nbreak \u202e \udc80",
]


def evaluation(classes, items=400, *, names=None, seed=0):
    """Answers of a model that is right about two times in three."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(items) % classes)
    scores = rng.normal(0, 1, (items, classes))
    scores[np.arange(items), labels] += 1 + np.log(classes)
    likely = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    names = names or [f"class {i}" for i in range(classes)]
    return classification_figures(likely, labels, names, multi_label=False)


def tags(names, items=200):
    rng = np.random.default_rng(0)
    likely = rng.random((items, len(names)))
    truth = (rng.random(likely.shape) < likely).astype(int)
    return classification_figures(likely, truth, names, multi_label=True)


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text)]


def test_the_confusion_is_drawn_with_its_numbers():
    made = evaluation(3)
    ax = tl.plotting.confusion(made).axes[0]
    counts = made.confusion
    drawn = ax.images[0].get_array()
    np.testing.assert_allclose(drawn, counts / counts.sum(axis=1, keepdims=True))
    assert [t.get_text() for t in ax.get_yticklabels()] == list(made.class_names)
    numbers = {(t.get_position()[1], t.get_position()[0]): t.get_text() for t in ax.texts}
    assert numbers == {
        (i, j): str(counts[i, j]) for i in range(3) for j in range(3) if counts[i, j]
    }
    assert ax.get_title() == f"{np.trace(counts)} of 400 right"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true")


def test_of_many_classes_the_most_confused_are_drawn_and_that_is_said():
    made = evaluation(300, 900)
    ax = tl.plotting.confusion(made).axes[0]
    shown = [int(t.get_text().removeprefix("class ")) for t in ax.get_yticklabels()]
    assert len(shown) == 30
    counts = made.confusion
    part = counts[np.ix_(shown, shown)]
    inside, mistakes = part.sum() - np.trace(part), counts.sum() - np.trace(counts)
    assert ax.get_title().endswith(
        f"the 30 most confused of 300 classes, with {inside} of {mistakes} mistakes"
    )
    worst = np.unravel_index(np.argmax(counts - np.diag(np.diag(counts))), counts.shape)
    assert set(worst) <= set(shown)
    hundred = tl.plotting.confusion(evaluation(100)).axes[0]
    assert len(hundred.get_yticklabels()) == 100


def test_a_class_without_items_has_an_empty_row():
    likely = np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3]])
    with pytest.warns(tl.data.DataWarning, match="'c'"):
        made = classification_figures(likely, np.array([0, 1]), ["a", "b", "c"], multi_label=False)
    drawn = tl.plotting.confusion(made).axes[0].images[0].get_array()
    assert drawn.mask.tolist() == [[False] * 3, [False] * 3, [True] * 3]
    for draw in tl.plotting.pictures(made).values():
        draw().draw_without_rendering()


def test_reliability_is_that_of_the_evaluation():
    made = evaluation(4)
    ax = tl.plotting.reliability(made).axes[0]
    filled = made.reliability.counts > 0
    line = ax.lines[1]
    np.testing.assert_allclose(line.get_xdata(), made.reliability.confidence[filled])
    np.testing.assert_allclose(line.get_ydata(), made.reliability.accuracy[filled])
    heights = [bar.get_height() for bar in ax.patches]
    np.testing.assert_allclose(heights, made.reliability.counts / 400)
    assert ax.get_title().endswith(f"{made.calibration_error:.3f}")


@pytest.mark.parametrize("made", [evaluation(3, 150), tags(["a", "b", "c"])])
def test_curves_are_those_of_scikit_learn(made):
    metrics = pytest.importorskip("sklearn.metrics")
    likely = made.probabilities[:, 0]
    truth = made.labels[:, 0] if made.several else made.labels == 0
    named = f"{made.class_names[0]}: "
    precision, recall, _ = metrics.precision_recall_curve(truth, likely)
    roc = metrics.roc_curve(truth, likely, drop_intermediate=False)
    for draw, expected in (
        (tl.plotting.roc, (roc[0][1:], roc[1][1:])),
        (tl.plotting.precision_recall, (recall[-2::-1], precision[-2::-1])),
    ):
        ax = draw(made).axes[0]
        (line,) = (line for line in ax.lines if line.get_label().startswith(named))
        drawn = line.get_xydata()[1:]  # the first point is where nothing is found
        np.testing.assert_allclose(drawn, np.stack(expected, axis=1))


@pytest.mark.parametrize("classes", [8, 10])
def test_of_many_curves_the_eight_worst_are_named(classes):
    made = evaluation(classes)
    ax = tl.plotting.roc(made).axes[0]
    worst = sorted(made.class_names, key=lambda name: made[f"roc_auc: {name}"])[:8]
    named = [text.get_text().partition(":")[0] for text in ax.get_legend().get_texts()]
    assert named == worst
    assert ("of 10 classes, the 8 worst are named" in ax.get_title()) == (classes == 10)
    looks = [(line.get_color(), line.get_linestyle()) for line in ax.lines[-8:]]
    assert len({*looks}) == 8
    assert [len({*part}) for part in zip(*looks[:4], strict=True)] == [4, 4]  # not by colour alone


def test_no_legend_lies_over_what_is_drawn():
    for title, draw in tl.plotting.pictures(evaluation(5)).items():
        figure = draw()
        figure.draw_without_rendering()
        (ax, *_) = figure.axes
        if legend := ax.get_legend():
            assert legend.get_window_extent().y1 < ax.xaxis.label.get_window_extent().y0, title


@pytest.mark.parametrize("made", [evaluation(5, names=HOSTILE), tags(HOSTILE)])
def test_hostile_names_are_drawn_and_nothing_else(made):
    points = np.random.default_rng(0).normal(size=(len(made.probabilities), 2))
    draws = tl.plotting.pictures(made)
    for figure in (draws["Confusion"](), draws["ROC"](), tl.plotting.feature_map(made, points)):
        written = BytesIO()
        figure.savefig(written, format="svg")
        assert b"<script" not in written.getvalue()
        assert b"script" in written.getvalue()  # escaped, in a comment


def test_one_item_is_drawn():
    with pytest.warns(tl.data.DataWarning, match="No item"):
        made = classification_figures(
            np.array([[0.9, 0.1]]), np.array([0]), ["a", "b"], multi_label=False
        )
    for draw in tl.plotting.pictures(made).values():
        draw().draw_without_rendering()
    assert tl.plotting.mistakes(made) == []


def test_tags_are_drawn_as_found_missed_and_false_alarms():
    made = tags(["a", "b", "c"])
    ax = tl.plotting.confusion(made).axes[0]
    widths = {part.get_label(): [bar.get_width() for bar in part] for part in ax.containers}
    counts = made.confusion
    assert widths["found"] == counts[:, 1, 1].tolist()
    assert widths["missed"] == counts[:, 1, 0].tolist()
    assert widths["false alarms"] == (-counts[:, 0, 1]).tolist()
    assert len({bar[0].get_hatch() for bar in ax.containers}) == 3  # not by colour alone


def test_the_most_confident_mistakes_come_first():
    likely = np.array([[0.6, 0.4], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7]])
    made = classification_figures(likely, np.array([1, 0, 1, 0]), ["a", "b"], multi_label=False)
    found = tl.plotting.mistakes(made)
    assert [one.item for one in found] == [1, 3, 0]
    assert found[0].lines == ("said b 90%", "is a")
    assert tl.plotting.mistakes(made, 1) == found[:1]


def test_mistakes_in_tags_name_all_tags():
    likely = np.array([[0.9, 0.2], [0.9, 0.45]])
    made = classification_figures(likely, np.array([[1, 0], [1, 1]]), ["a", "b"], multi_label=True)
    (found,) = tl.plotting.mistakes(made)
    assert (found.item, found.lines) == (1, ("said a", "is a, b"))


def test_the_most_confused_pairs_come_first():
    made = evaluation(4, 300)
    counts = made.confusion - np.diag(np.diag(made.confusion))
    found = confused_pairs(made, 3)
    sizes = [len(rows) for rows in found.values()]
    assert sizes == sorted(counts.ravel(), reverse=True)[:3]
    words, rows = next(iter(found.items()))
    (true,), (taken,) = {*made.labels[rows]}, {*made.predicted[rows]}
    total = (made.labels == true).sum()
    assert words == f"{sizes[0]} of {total} class {true} are taken for class {taken}"
    sure = made.probabilities[rows, taken]
    assert (np.diff(sure) <= 0).all()


def test_the_map_has_a_point_for_each_item():
    made = evaluation(3, 60)
    points = np.random.default_rng(0).normal(size=(60, 2))
    points[5] = np.nan
    lines = tl.plotting.feature_map(made, points).axes[0].lines
    assert sum(len(line.get_xdata()) for line in lines) == 59
    for line in lines:
        of_class = points[made.labels == made.class_names.index(line.get_label())]
        np.testing.assert_array_equal(line.get_xydata(), of_class[np.isfinite(of_class[:, 0])])
    assert len({line.get_marker() for line in lines}) == 3
    many = tl.plotting.feature_map(evaluation(40, 60), points).axes[0]
    assert {"class 0", "class 1"} <= {text.get_text() for text in many.texts}


def test_pictures_are_drawn_into_given_axes():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    made = evaluation(3)
    assert tl.plotting.roc(made, ax=left) is figure
    assert tl.plotting.reliability(made, ax=right) is figure
    assert len(figure.axes) == 2
    assert left.lines
    assert right.lines


def test_a_task_of_ones_own_brings_its_pictures():
    class Own(tl.tasks.Evaluation):
        pass

    assert tl.plotting.pictures(Own({"count": 1.0})) == {}
    tl.plotting.pictures.register(Own, lambda made: {"Mine": lambda: made})
    assert list(tl.plotting.pictures(Own({"count": 1.0}))) == ["Mine"]


@pytest.mark.parametrize("draw", ["confusion", "reliability", "roc", "precision_recall"])
def test_what_is_no_evaluation_of_classes_is_refused(draw):
    with pytest.raises(TypeError, match=r"needs a ClassEvaluation:.* Received: dict"):
        getattr(tl.plotting, draw)({"accuracy": 0.5})


@pytest.mark.parametrize("draw", ["show_mistakes", "show_pairs"])
def test_a_model_and_its_evaluation_in_the_wrong_order_are_told(draw):
    with pytest.raises(TypeError, match=r"needs a FittedModel:.* Received: ClassEvaluation"):
        getattr(tl.plotting, draw)(evaluation(2), None)
