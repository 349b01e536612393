"""Chooses losses and metrics that fit the outputs of a classifier, and checks those given."""

import re
from dataclasses import dataclass

import keras

from transferlearn.data import ClassIds, Encoder, OneHot
from transferlearn.data.targets import Binary
from transferlearn.tasks.losses import loss_name, name_of
from transferlearn.types import Loss, Metric, Metrics

# Names of Keras's losses that read rows with a number for each class.
_ONE_HOT = re.compile(
    "binary|categorical|kl|hinge|squared|absolute|cosine|huber|cosh|poisson|dice|tversky"
)
# Names of Keras's metrics that read such rows.
_READS_ROWS = re.compile("categorical|^auc$|precision|recall|f1_?score|fbeta")
_LABELS = {ClassIds: "class ids", OneHot: "rows with a 1 for the class", Binary: "0 or 1"}


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Describes the outputs of a classifier, and whether its targets are shares of classes.

    Attributes:
        count: How many numbers the network gives for each item.
        activation: What they are: `"softmax"` or `"sigmoid"` probabilities, or `"linear"` logits.
        multi_label: Whether an item can have several classes.
        soft: Whether the targets are shares of classes, not ids.
    """

    count: int
    activation: str
    multi_label: bool = False
    soft: bool = False

    @property
    def independent(self) -> bool:
        """Returns whether an item can have several classes, or the network has a single output."""
        return self.multi_label or self.count == 1


def check_outputs(outputs: Outputs, num_classes: int, loss: Loss | None = None) -> None:
    """Refuses outputs that cannot tell the classes apart, or that do not go with the loss.

    Raises:
        ValueError: The outputs do not fit; the message says what was given, and the fix.
    """
    if outputs.count == 1 and outputs.activation == "softmax":
        raise ValueError(
            "The head gives one output with a softmax, which is always 1. Use activation='sigmoid' "
            "for one output, or Dense(num_classes) with a softmax."
        )
    if outputs.multi_label and outputs.activation == "softmax":
        raise ValueError(
            "multi_label=True needs a head with activation='sigmoid': a softmax lets only one "
            "class win."
        )
    if is_binary(loss) and outputs.activation == "softmax":
        raise ValueError(
            "A binary loss reads each output as a yes or no of its own, and a softmax lets only "
            f"one of {outputs.count} win. Leave loss out: it is chosen to fit. "
            f"Received: loss={loss!r}"
        )
    one_for_two = outputs.count == 1 and num_classes == 2 and not outputs.multi_label
    if outputs.count != num_classes and not one_for_two:
        raise ValueError(
            f"The head gives {outputs.count} outputs for {num_classes} classes. "
            "Its last layer should be Dense(num_classes, activation=activation)."
        )


def is_binary(loss: Loss | None) -> bool:
    """Returns whether a loss, by its name, reads each output as a yes or no."""
    return "binary" in name_of(loss)


def choose_loss(outputs: Outputs, metrics: Metrics | Metric | None) -> keras.losses.Loss:
    """Returns the cross-entropy that fits the outputs and the labels that the metrics need."""
    logits = outputs.activation == "linear"
    if outputs.independent or outputs.activation == "sigmoid":
        return keras.losses.BinaryCrossentropy(from_logits=logits)
    if outputs.soft or _need_one_hot(metrics):
        return keras.losses.CategoricalCrossentropy(from_logits=logits)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=logits)


def choose_metrics(outputs: Outputs) -> list[Metric]:
    """Returns accuracy, and if each output is a yes or no, the area under the ROC curve too."""
    if not outputs.independent:
        return ["accuracy"]
    logits = outputs.activation == "linear"
    return [
        # Keras's "accuracy" compares with 0.5, which is wrong for logits.
        keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0 if logits else 0.5),
        keras.metrics.AUC(name="auc", multi_label=outputs.multi_label, from_logits=logits),
    ]


def choose_encoder(loss: Loss, outputs: Outputs) -> Encoder | None:
    """Returns the encoder that makes the labels a loss reads; `None` leaves them as they are."""
    if outputs.multi_label or outputs.soft:
        return None
    if outputs.count == 1:
        return Binary()
    if takes_ids(loss):
        return ClassIds()
    return OneHot(outputs.count) if _ONE_HOT.search(loss_name(loss)) else None


def is_cross_entropy(loss: Loss) -> bool:
    """Returns whether a loss, by its name, is a plain cross-entropy, which a solver minimises."""
    name = loss_name(loss).replace("_", "")
    return (
        name.endswith("crossentropy")
        and "focal" not in name
        and not getattr(loss, "label_smoothing", 0)
    )


def takes_ids(loss: Loss | None) -> bool:
    """Returns whether a loss, by its name, reads class ids, as sparse ones do."""
    return loss is not None and "sparse" in loss_name(loss)


def check_metrics(metrics: Metrics | Metric | None, encode: Encoder | None) -> None:
    """Refuses metrics that would misread the loss's labels, as most do without an error.

    Raises:
        ValueError: A metric does not fit; the message names it, and the fix.
    """
    if isinstance(metrics, dict):
        metrics = list(metrics.values())
    for metric in metrics if isinstance(metrics, (list, tuple)) else [metrics]:
        if isinstance(metric, (list, tuple)):
            check_metrics(metric, encode)
            continue
        reads_ids = "sparse" in name_of(metric)
        reads_rows = not reads_ids and _READS_ROWS.search(name_of(metric)) is not None
        compares_outputs = "categorical" in name_of(metric)
        if (
            (isinstance(encode, ClassIds) and reads_rows)
            or (isinstance(encode, OneHot) and reads_ids)
            or (isinstance(encode, Binary) and compares_outputs)
        ):
            raise ValueError(
                f"The metric {metric!r} does not fit the loss, whose labels are "
                f"{_LABELS[type(encode)]}. "
                "Use 'accuracy', which fits every loss, or leave loss out: it is chosen to fit."
            )


def _need_one_hot(metrics: Metrics | Metric | None) -> bool:
    """Returns whether a metric, neither plain accuracy nor sparse, needs rows, not class ids."""
    given = metrics if isinstance(metrics, (list, tuple)) else [metrics]
    names = [name_of(metric) for metric in given if metric is not None]
    return any(name not in ("accuracy", "acc") and "sparse" not in name for name in names)
