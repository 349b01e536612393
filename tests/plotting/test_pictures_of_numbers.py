"""Pictures of evaluations of numbers show the evaluation."""

from dataclasses import replace

import numpy as np
import pytest

import transferlearn as tl
from transferlearn.tasks.regression.figures import regression_figures

pytestmark = pytest.mark.core


def evaluation(items=50, names=("age", "price")):
    rng = np.random.default_rng(0)
    true = rng.normal(50, 10, (items, len(names)))
    predicted = true + rng.normal(1, 2, true.shape)
    spread = [10.0] * len(names)
    return regression_figures(predicted, true, names, [50.0] * len(names), spread)


def test_predicted_and_true_numbers_and_residuals_are_drawn():
    made = evaluation()
    first, residuals, second, _ = tl.plotting.predicted_and_true(made).axes
    np.testing.assert_array_equal(
        first.lines[0].get_xydata(), np.stack([made.true[:, 0], made.predicted[:, 0]], axis=1)
    )
    np.testing.assert_allclose(
        residuals.lines[0].get_ydata(), made.predicted[:, 0] - made.true[:, 0]
    )
    assert first.get_xlabel() == "age, true"
    assert second.get_ylabel() == "price, predicted"
    mean = (made.predicted - made.true)[:, 0].mean()
    assert residuals.get_title().startswith(f"mean {mean:.3g}")


def test_lost_predictions_are_counted_and_left_out():
    made = evaluation()
    predicted = made.predicted.copy()
    predicted[:3, 0] = np.nan
    lost = replace(made, predicted=predicted)
    ax = tl.plotting.predicted_and_true(lost).axes[0]
    assert ax.get_title() == "3 of 50 are NaN or infinite"
    assert len(ax.lines[0].get_xdata()) == 47
    predicted[:] = np.nan
    tl.plotting.predicted_and_true(replace(made, predicted=predicted)).draw_without_rendering()


def test_names_are_strangers():
    made = evaluation(1, ("$a$ <script>", "價格\n"))
    for draw in tl.plotting.pictures(made).values():
        draw().draw_without_rendering()
    tl.plotting.feature_map(made, np.zeros((1, 2))).draw_without_rendering()


def test_the_largest_errors_come_first():
    made = evaluation()
    predicted = made.predicted.copy()
    predicted[7, 1] = made.true[7, 1] + 100
    found = tl.plotting.mistakes(replace(made, predicted=predicted), 2)
    assert len(found) == 2
    assert found[0].item == 7
    true = made.true[7, 1]
    assert found[0].lines == ("price", f"said {true + 100:.4g}", f"is {true:.4g}")


def test_the_map_is_coloured_by_the_number():
    made = evaluation()
    points = np.random.default_rng(0).normal(size=(50, 2))
    ax, bar = tl.plotting.feature_map(made, points).axes
    drawn = ax.collections[0]
    np.testing.assert_allclose(drawn.get_offsets(), points)
    np.testing.assert_allclose(drawn.get_array(), made.true[:, 0])
    assert bar.get_ylabel() == "age, true"
