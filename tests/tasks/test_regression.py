"""What is learnt where numbers are."""

import json

import keras
import numpy as np
import pytest
from sklearn import metrics as known

from transferlearn.assembling import NetworkOutput
from transferlearn.data.targets import NumberTargets
from transferlearn.tasks import NumberEncoding, Regression, Seen
from transferlearn.tasks.intervals import r2_interval
from transferlearn.tasks.regression.standardised import R2, Standardised

pytestmark = pytest.mark.core
MEAN, SPREAD = (1000.0, -3.0), (20.0, 0.5)
RNG = np.random.default_rng(0)
TRUTH = np.array(MEAN) + np.array(SPREAD) * RNG.standard_normal((50, 2))
GIVEN = TRUTH + np.array(SPREAD) * 0.4 * RNG.standard_normal((50, 2))
ENCODING = NumberEncoding(names=("mass", "charge"), mean=MEAN, spread=SPREAD)


def number(value):
    return float(keras.ops.convert_to_numpy(value))


def test_mean_and_spread_are_learnt():
    targets = NumberTargets(names=("mass", "charge"), given=TRUTH)
    found = Regression().learn(targets)
    np.testing.assert_allclose(found.mean, TRUTH.mean(axis=0))
    np.testing.assert_allclose(found.spread, TRUTH.std(axis=0))


LOSSES = {"mse": "mse", "mae": "mae", "huber": "huber", "object": keras.losses.Huber(0.1)}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_any_loss_is_that_of_standardised_numbers(loss):
    found = number(Standardised(loss, MEAN, SPREAD)(TRUTH, GIVEN))
    scaled = [((part - MEAN) / SPREAD).astype("float32") for part in (TRUTH, GIVEN)]
    expected = keras.losses.get(loss)(*scaled)
    assert found == pytest.approx(number(keras.ops.mean(expected)), rel=1e-4)


@keras.saving.register_keras_serializable("tests")
class Power(keras.losses.Loss):
    """A loss of one's own."""

    def __init__(self, power, **options):
        super().__init__(**options)
        self.power = power

    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred) ** self.power, axis=-1)

    def get_config(self):
        return {**super().get_config(), "power": self.power}


def test_a_loss_of_ones_own_is_standardised_and_serialised():
    expected = (np.abs((TRUTH - GIVEN) / SPREAD) ** 3).mean()
    loss = Standardised(Power(3), MEAN, SPREAD)
    assert number(loss(TRUTH, GIVEN)) == pytest.approx(expected, rel=1e-3)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert number(again(TRUTH, GIVEN)) == number(loss(TRUTH, GIVEN))
    function = Standardised(Power(3).call, MEAN, SPREAD)
    assert number(function(TRUTH, GIVEN)) == pytest.approx(expected, rel=1e-3)


def test_r2_is_that_of_scikit_learn_batch_by_batch():
    metric = R2(MEAN, SPREAD)
    for begin in range(0, 50, 8):
        rows = slice(begin, begin + 8)
        metric.update_state(TRUTH[rows].astype("float32"), GIVEN[rows].astype("float32"))
    assert number(metric.result()) == pytest.approx(known.r2_score(TRUTH, GIVEN), abs=1e-4)
    metric.reset_state()
    weights = RNG.uniform(0, 2, 50)
    metric.update_state(TRUTH, GIVEN, weights)
    expected = known.r2_score(TRUTH, GIVEN, sample_weight=weights)
    assert number(metric.result()) == pytest.approx(expected, abs=1e-4)
    again = R2.from_config(metric.get_config())
    again.update_state(TRUTH, GIVEN, weights)
    assert number(again.result()) == number(metric.result())


def test_r2_holds_where_the_spread_is_small_beside_the_mean():
    truth = 1.6e6 + 10 * RNG.standard_normal((400, 1))
    given = truth + 4 * RNG.standard_normal((400, 1))
    own, others = R2([1.6e6], [10.0]), keras.metrics.R2Score()
    for metric in (own, others):
        metric.update_state(truth.astype("float32"), given.astype("float32"))
    expected = known.r2_score(truth, given)
    assert number(own.result()) == pytest.approx(expected, abs=0.01)
    assert abs(number(others.result()) - expected) > 0.1  # why there is one of our own


def test_r2_of_equal_numbers_is_0():
    metric = R2([0.0], [1.0])
    metric.update_state(np.ones((4, 1)), np.zeros((4, 1)))
    assert number(metric.result()) == 0


def test_figures_are_those_of_scikit_learn():
    found = ENCODING.scoring.measure(GIVEN, TRUTH)
    for i, name in enumerate(("mass", "charge")):
        truth, given = TRUTH[:, i], GIVEN[:, i]
        assert found[f"mae: {name}"] == pytest.approx(known.mean_absolute_error(truth, given))
        assert found[f"rmse: {name}"] == pytest.approx(
            known.mean_squared_error(truth, given) ** 0.5
        )
        assert found[f"r2: {name}"] == pytest.approx(known.r2_score(truth, given))
    assert found.mae == pytest.approx(known.mean_absolute_error(TRUTH, GIVEN))
    assert found.r2 == pytest.approx(known.r2_score(TRUTH, GIVEN))
    assert found.loss == pytest.approx((((TRUTH - GIVEN) / SPREAD) ** 2).mean())
    assert found.count == 50
    assert found.baseline == 0
    one = NumberEncoding(names=("mass",), mean=MEAN[:1], spread=SPREAD[:1])
    alone = one.scoring.measure(GIVEN[:, :1], TRUTH[:, :1])
    assert list(alone) == ["count", "mae", "rmse", "r2", "median_error", "mae_of_mean", "loss"]
    assert alone.median_error == pytest.approx(
        known.median_absolute_error(TRUTH[:, 0], GIVEN[:, 0])
    )
    assert alone.mae_of_mean == pytest.approx(np.abs(TRUTH[:, 0] - 1000).mean())


def test_intervals_hold_the_true_figure_in_most_draws():
    rng = np.random.default_rng(1)
    held = {"mae": 0, "rmse": 0, "r2": 0, "by formula": 0}
    true = {"mae": 0.4 * (2 / np.pi) ** 0.5, "rmse": 0.4, "r2": 1 - 0.16 / 1.0}
    one = NumberEncoding(names=("mass",), mean=(0.0,), spread=(1.0,))
    for _ in range(100):
        truth = rng.standard_normal((80, 1))
        found = one.scoring.measure(truth + 0.4 * rng.standard_normal((80, 1)), truth)
        for name, value in true.items():
            low, high = found.intervals[name]
            held[name] += low <= value <= high
        low, high = r2_interval(found.r2, 80)
        held["by formula"] += low <= true["r2"] <= high
    assert all(85 <= count <= 100 for count in held.values()), held


def test_of_one_item_alone_figures_are_finite():
    found = ENCODING.scoring.measure(GIVEN[:1], TRUTH[:1])
    assert all(np.isfinite(value) for value in found.values())
    assert found.r2 == 0


def test_what_a_head_must_give():
    good = {"predictions": NetworkOutput(2, "linear")}
    assert ENCODING.of_network(good, None) is ENCODING
    for output in (
        NetworkOutput(2, "softmax"),
        NetworkOutput(2, "sigmoid"),
        NetworkOutput(1, "linear"),
    ):
        with pytest.raises(ValueError, match=r"Its last layer should be Dense\(2\), without"):
            ENCODING.of_network({"predictions": output}, None)


def test_another_loss_is_not_solved():
    def objective(loss):
        return ENCODING.objective(loss=loss, metrics=None, targets=None, mixed=False)

    for loss in (None, "mse", keras.losses.MeanSquaredError()):
        assert objective(loss).solver is not None
    for loss in ("mae", keras.losses.Huber()):
        assert objective(loss).solver is None
        assert objective(loss).unsolvable == "its loss is not the mean square"


def test_a_save_s_json_makes_it_again():
    assert NumberEncoding.load(json.loads(json.dumps(ENCODING.settings()))) == ENCODING


def test_predictions_say_which_number():
    (several,) = ENCODING.output_reader().read({"numbers": GIVEN[:1]}, [Seen("a.png")])
    assert several.values == {"mass": GIVEN[0, 0], "charge": GIVEN[0, 1]}
    assert several.path == "a.png"
    with pytest.raises(ValueError, match=r"take values\['mass'\]"):
        _ = several.value


@pytest.mark.parametrize("loss", ["mape", "poisson", keras.losses.CategoricalCrossentropy()])
def test_losses_that_mean_nothing_for_standardised_numbers_are_refused(loss):
    with pytest.raises(ValueError, match=r"means nothing\. Take mse, mae, huber"):
        ENCODING.objective(loss=loss, metrics=None, targets=None, mixed=False)


@pytest.mark.parametrize("metrics", [["accuracy"], [keras.metrics.AUC()]])
def test_metrics_of_classes_are_refused(metrics):
    with pytest.raises(ValueError, match="is a metric of classes"):
        ENCODING.objective(loss=None, metrics=metrics, targets=None, mixed=False)
