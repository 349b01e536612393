import itertools

import keras
import numpy as np
import pytest

from transferlearn import objectives
from transferlearn.objectives import Outputs

pytestmark = pytest.mark.core
SOFTMAX = Outputs(count=3, activation="softmax")
LOGITS = Outputs(count=3, activation="linear")
ONE = Outputs(count=1, activation="sigmoid")
ONE_LOGIT = Outputs(count=1, activation="linear")
TAGS = Outputs(count=3, activation="sigmoid", multi_label=True)
TAG_LOGITS = Outputs(count=3, activation="linear", multi_label=True)
SHARES = Outputs(count=3, activation="softmax", soft=True)
ONE_TAG = Outputs(count=1, activation="sigmoid", multi_label=True)


def my_loss(y_true, y_pred):
    return keras.ops.mean(y_pred)


@pytest.mark.parametrize(
    ("outputs", "metrics", "expected", "encoding"),
    [
        (SOFTMAX, None, keras.losses.SparseCategoricalCrossentropy, "index"),
        (LOGITS, ["accuracy"], keras.losses.SparseCategoricalCrossentropy, "index"),
        (SOFTMAX, "accuracy", keras.losses.SparseCategoricalCrossentropy, "index"),
        (SOFTMAX, ["sparse_top_k_categorical_accuracy"], keras.losses.SparseCategoricalCrossentropy,
         "index"),
        (SOFTMAX, ["accuracy", keras.metrics.AUC()], keras.losses.CategoricalCrossentropy,
         "one-hot"),
        (SOFTMAX, [keras.metrics.F1Score()], keras.losses.CategoricalCrossentropy, "one-hot"),
        (SOFTMAX, [keras.metrics.CategoricalAccuracy(name="accuracy")],
         keras.losses.CategoricalCrossentropy, "one-hot"),
        (SOFTMAX, [keras.metrics.SparseTopKCategoricalAccuracy(2, name="top2")],
         keras.losses.SparseCategoricalCrossentropy, "index"),
        (SHARES, None, keras.losses.CategoricalCrossentropy, None),
        (ONE, None, keras.losses.BinaryCrossentropy, "binary"),
        (ONE_LOGIT, None, keras.losses.BinaryCrossentropy, "binary"),
        (TAGS, None, keras.losses.BinaryCrossentropy, None),
        (TAG_LOGITS, None, keras.losses.BinaryCrossentropy, None),
        (ONE_TAG, None, keras.losses.BinaryCrossentropy, None),
        (Outputs(count=3, activation="sigmoid"), None, keras.losses.BinaryCrossentropy, "one-hot"),
    ],
)  # fmt: skip
def test_the_loss_fits_the_outputs_and_the_labels_fit_the_loss(
    outputs, metrics, expected, encoding
):
    loss = objectives.choose_loss(outputs, metrics)
    assert type(loss) is expected
    assert loss.get_config()["from_logits"] == (outputs.activation == "linear")
    assert objectives.encoding(loss, outputs) == encoding


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("sparse_categorical_crossentropy", "index"),
        ("categorical_crossentropy", "one-hot"),
        ("binary_crossentropy", "one-hot"),
        *((name, "one-hot") for name in ("mse", "mae", "kld", "huber", "poisson", "log_cosh")),
        (keras.losses.SparseCategoricalCrossentropy(name="mine"), "index"),
        (keras.losses.CategoricalCrossentropy(name="sparse_in_name_only"), "one-hot"),
        (keras.losses.CategoricalFocalCrossentropy(), "one-hot"),
        (keras.losses.CategoricalHinge(), "one-hot"),
        (keras.losses.KLDivergence(), "one-hot"),
        (keras.losses.MeanSquaredError(), "one-hot"),
        (keras.losses.CosineSimilarity(), "one-hot"),
        (keras.losses.sparse_categorical_crossentropy, "index"),
        (my_loss, None),
    ],
)
def test_a_loss_of_ones_own_gets_the_labels_it_wants(loss, expected):
    assert objectives.encoding(loss, SOFTMAX) == expected
    assert objectives.encoding(loss, ONE) == "binary"
    assert objectives.encoding(loss, TAGS) is None
    assert objectives.encoding(loss, SHARES) is None


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("binary_crossentropy", True),
        (keras.losses.BinaryFocalCrossentropy(name="mine"), True),
        (keras.losses.binary_crossentropy, True),
        ("categorical_crossentropy", False),
        (keras.losses.CategoricalCrossentropy(), False),
        (None, False),
    ],
)
def test_is_binary(loss, expected):
    assert objectives.is_binary(loss) is expected


def test_one_class_an_image_is_measured_by_accuracy():
    assert objectives.choose_metrics(SOFTMAX) == objectives.choose_metrics(LOGITS) == ["accuracy"]


@pytest.mark.parametrize("outputs", [ONE, ONE_LOGIT, TAGS, TAG_LOGITS])
def test_yes_or_no_is_measured_with_the_right_threshold(outputs):
    accuracy, auc = objectives.choose_metrics(outputs)
    logits = np.array([[-2.0] * outputs.count, [0.25] * outputs.count, [3.0] * outputs.count])
    given = logits if outputs.activation == "linear" else 1 / (1 + np.exp(-logits))
    truth = np.array([[0.0] * outputs.count, [1.0] * outputs.count, [1.0] * outputs.count])
    for metric in (accuracy, auc):
        metric.update_state(truth, given)
        assert float(metric.result()) == pytest.approx(1.0, abs=1e-3)
    assert (accuracy.name, auc.name) == ("accuracy", "auc")
    assert auc.multi_label == outputs.multi_label


@pytest.mark.parametrize(
    ("outputs", "num_classes"),
    [(SOFTMAX, 3), (LOGITS, 3), (ONE, 2), (ONE_LOGIT, 2), (ONE, 1), (TAGS, 3), (ONE_TAG, 1)],
)
def test_outputs_that_fit_pass(outputs, num_classes):
    objectives.check_outputs(outputs, num_classes)


@pytest.mark.parametrize(
    ("outputs", "num_classes", "message"),
    [
        (Outputs(count=1, activation="softmax"), 2, "always 1. Use activation='sigmoid'"),
        (Outputs(count=3, activation="softmax", multi_label=True), 3, "needs a head with activ"),
        (SOFTMAX, 4, "gives 3 outputs for 4 classes"),
        (ONE, 3, "gives 1 outputs for 3 classes"),
        (ONE_TAG, 2, "gives 1 outputs for 2 classes"),
    ],
)
def test_outputs_that_cannot_tell_the_classes_apart_are_refused(outputs, num_classes, message):
    with pytest.raises(ValueError, match=message):
        objectives.check_outputs(outputs, num_classes)


def test_metrics_are_copies():
    precision, recall = keras.metrics.Precision(top_k=2), keras.metrics.Recall(name="found")
    copies = objectives.copy_metrics({"a": [precision, "accuracy"], "b": (recall, my_loss)})
    assert copies["a"][1] == "accuracy"
    assert copies["b"][1] is my_loss
    assert copies["a"][0].get_config() == precision.get_config()
    assert copies["b"][0].name == "found"
    copies["a"][0].update_state([[1.0, 0.0]], [[0.9, 0.1]])
    assert float(copies["a"][0].result()) > 0
    assert float(precision.result()) == 0
    assert objectives.copy_metrics(None) is None


def test_optimizers_are_copies():
    weight = keras.Variable(np.ones(3, "float32"))
    used = keras.optimizers.SGD(0.25, momentum=0.5, weight_decay=0.01)
    used.apply([keras.ops.ones(3)], [weight])
    copies = [objectives.copy_optimizer(used), objectives.copy_optimizer(used, 0.125), used]
    assert all(a is not b for a, b in itertools.combinations(copies, 2))
    assert [float(x.learning_rate) for x in copies] == [0.25, 0.125, 0.25]
    assert [int(x.iterations) for x in copies] == [0, 0, 1]
    assert [x.momentum for x in copies] == [0.5] * 3
    assert [x.weight_decay for x in copies] == [0.01] * 3


def test_an_optimizer_keeps_its_schedule_unless_there_is_a_rate():
    decay = keras.optimizers.schedules.ExponentialDecay(0.5, 10, 0.9)
    template = keras.optimizers.Adam(decay)
    kept = objectives.copy_optimizer(template).get_config()["learning_rate"]
    assert kept == template.get_config()["learning_rate"]
    assert kept["class_name"] == "ExponentialDecay"
    assert float(objectives.copy_optimizer(template, 0.125).learning_rate) == 0.125


def test_an_optimizer_that_scales_the_loss_hands_the_rate_on():
    template = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.25, momentum=0.5))
    copy = objectives.copy_optimizer(template, 0.125)
    assert isinstance(copy, keras.optimizers.LossScaleOptimizer)
    assert (float(copy.inner_optimizer.learning_rate), copy.inner_optimizer.momentum) == (
        0.125,
        0.5,
    )
    assert float(template.inner_optimizer.learning_rate) == 0.25


def test_what_hides_its_arguments_cannot_be_copied():
    class Mine(keras.metrics.Mean):
        def __init__(self, factor=1.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

    with pytest.raises(TypeError, match=r"Mine cannot be copied.*must give factor too"):
        objectives.copy_metrics([Mine(2.0)])


@pytest.mark.parametrize(
    ("metric", "refused"),
    [
        ("accuracy", set()),
        (keras.metrics.CategoricalAccuracy(name="accuracy"), {"index", "binary"}),
        ("sparse_top_k_categorical_accuracy", {"one-hot", "binary"}),
        (keras.metrics.SparseCategoricalAccuracy(name="mine"), {"one-hot", "binary"}),
        (keras.metrics.AUC(), {"index"}),
        (keras.metrics.Precision(), {"index"}),
        ("f1_score", {"index"}),
        (my_loss, set()),
    ],
)
def test_metrics_that_would_read_the_labels_wrongly_are_refused(metric, refused):
    for labels in ("index", "one-hot", "binary", None):
        for given in (metric, ["accuracy", metric], {"out": [metric]}):
            if labels in refused:
                with pytest.raises(ValueError, match=r"does not fit the loss, whose labels are"):
                    objectives.check_metrics(given, labels)
            else:
                objectives.check_metrics(given, labels)


def test_an_optimizer_by_name():
    assert isinstance(objectives.copy_optimizer("RMSprop"), keras.optimizers.RMSprop)
    assert float(objectives.copy_optimizer("adam", 0.125).learning_rate) == 0.125


def test_wrong_optimizers_are_refused():
    with pytest.raises(TypeError, match=r"Expected the name of a Keras optimizer.*Received:"):
        objectives.copy_optimizer(0.001)
    with pytest.raises(ValueError, match="adamm"):
        objectives.copy_optimizer("adamm")
