import keras
import numpy as np
import pytest

from transferlearn.data.targets import Binary, ClassIds, OneHot
from transferlearn.tasks.classification import losses
from transferlearn.tasks.classification.losses import Outputs

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
        (SOFTMAX, None, keras.losses.SparseCategoricalCrossentropy, ClassIds()),
        (LOGITS, ["accuracy"], keras.losses.SparseCategoricalCrossentropy, ClassIds()),
        (SOFTMAX, "accuracy", keras.losses.SparseCategoricalCrossentropy, ClassIds()),
        (SOFTMAX, ["sparse_top_k_categorical_accuracy"], keras.losses.SparseCategoricalCrossentropy,
         ClassIds()),
        (SOFTMAX, ["accuracy", keras.metrics.AUC()], keras.losses.CategoricalCrossentropy,
         OneHot(3)),
        (SOFTMAX, [keras.metrics.F1Score()], keras.losses.CategoricalCrossentropy, OneHot(3)),
        (SOFTMAX, [keras.metrics.CategoricalAccuracy(name="accuracy")],
         keras.losses.CategoricalCrossentropy, OneHot(3)),
        (SOFTMAX, [keras.metrics.SparseTopKCategoricalAccuracy(2, name="top2")],
         keras.losses.SparseCategoricalCrossentropy, ClassIds()),
        (SHARES, None, keras.losses.CategoricalCrossentropy, None),
        (ONE, None, keras.losses.BinaryCrossentropy, Binary()),
        (ONE_LOGIT, None, keras.losses.BinaryCrossentropy, Binary()),
        (TAGS, None, keras.losses.BinaryCrossentropy, None),
        (TAG_LOGITS, None, keras.losses.BinaryCrossentropy, None),
        (ONE_TAG, None, keras.losses.BinaryCrossentropy, None),
        (Outputs(count=3, activation="sigmoid"), None, keras.losses.BinaryCrossentropy, OneHot(3)),
    ],
)  # fmt: skip
def test_the_loss_fits_the_outputs_and_the_labels_fit_the_loss(
    outputs, metrics, expected, encoding
):
    loss = losses.choose_loss(outputs, metrics)
    assert type(loss) is expected
    assert loss.get_config()["from_logits"] == (outputs.activation == "linear")
    assert losses.choose_encoder(loss, outputs) == encoding


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("sparse_categorical_crossentropy", ClassIds()),
        ("categorical_crossentropy", OneHot(3)),
        ("binary_crossentropy", OneHot(3)),
        *((name, OneHot(3)) for name in ("mse", "mae", "kld", "huber", "poisson", "log_cosh")),
        (keras.losses.SparseCategoricalCrossentropy(name="mine"), ClassIds()),
        (keras.losses.CategoricalCrossentropy(name="sparse_in_name_only"), OneHot(3)),
        (keras.losses.CategoricalFocalCrossentropy(), OneHot(3)),
        (keras.losses.CategoricalHinge(), OneHot(3)),
        (keras.losses.KLDivergence(), OneHot(3)),
        (keras.losses.MeanSquaredError(), OneHot(3)),
        (keras.losses.CosineSimilarity(), OneHot(3)),
        (keras.losses.sparse_categorical_crossentropy, ClassIds()),
        (my_loss, None),
    ],
)
def test_a_loss_of_ones_own_gets_the_labels_it_wants(loss, expected):
    assert losses.choose_encoder(loss, SOFTMAX) == expected
    assert losses.choose_encoder(loss, ONE) == Binary()
    assert losses.choose_encoder(loss, TAGS) is None
    assert losses.choose_encoder(loss, SHARES) is None


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
    assert losses.is_binary(loss) is expected


def test_one_class_an_image_is_measured_by_accuracy():
    assert losses.choose_metrics(SOFTMAX) == losses.choose_metrics(LOGITS) == ["accuracy"]


@pytest.mark.parametrize("outputs", [ONE, ONE_LOGIT, TAGS, TAG_LOGITS])
def test_yes_or_no_is_measured_with_the_right_threshold(outputs):
    accuracy, auc = losses.choose_metrics(outputs)
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
    losses.check_outputs(outputs, num_classes)


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
        losses.check_outputs(outputs, num_classes)


@pytest.mark.parametrize(
    ("metric", "refused"),
    [
        ("accuracy", set()),
        (keras.metrics.CategoricalAccuracy(name="accuracy"), {ClassIds(), Binary()}),
        ("sparse_top_k_categorical_accuracy", {OneHot(3), Binary()}),
        (keras.metrics.SparseCategoricalAccuracy(name="mine"), {OneHot(3), Binary()}),
        (keras.metrics.AUC(), {ClassIds()}),
        (keras.metrics.Precision(), {ClassIds()}),
        ("f1_score", {ClassIds()}),
        (my_loss, set()),
    ],
)
def test_metrics_that_would_read_the_labels_wrongly_are_refused(metric, refused):
    for labels in (ClassIds(), OneHot(3), Binary(), None):
        for given in (metric, ["accuracy", metric], {"out": [metric]}):
            if labels in refused:
                with pytest.raises(ValueError, match=r"does not fit the loss, whose labels are"):
                    losses.check_metrics(given, labels)
            else:
                losses.check_metrics(given, labels)
