"""Loss, metrics and optimizer: chosen to match the outputs, and copied afresh for each use."""

import inspect
import re
from dataclasses import dataclass
from typing import Any, Literal

import keras

Encoding = Literal["index", "one-hot", "binary"] | None
_ONE_HOT = re.compile(
    "binary|categorical|kl|hinge|squared|absolute|cosine|huber|cosh|poisson|dice|tversky"
)
_READS_ROWS = re.compile("categorical|^auc$|precision|recall|f1_?score|fbeta")
_LABELS = {"index": "class ids", "one-hot": "rows with a 1 for the class", "binary": "0 or 1"}


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What a network's outputs mean.

    Attributes:
        count: How many numbers an image gets.
        activation: `"softmax"` or `"sigmoid"` probabilities, or `"linear"` logits.
        multi_label: Whether an image can have several classes.
        soft: Whether labels are shares of classes.
    """

    count: int
    activation: str
    multi_label: bool = False
    soft: bool = False

    @property
    def independent(self) -> bool:
        """Whether each output is a yes or no of its own."""
        return self.multi_label or self.count == 1


def check_outputs(outputs: Outputs, num_classes: int, loss: Any = None) -> None:
    """Refuses a head whose outputs cannot tell `num_classes` classes apart.

    Raises:
        ValueError: What was given, and the fix.
    """
    if outputs.count == 1 and outputs.activation == "softmax":
        raise ValueError(
            "The head gives one output with a softmax, which is always 1. Use activation='sigmoid' "
            "for one output, or Dense(num_classes) with a softmax."
        )
    if outputs.multi_label and outputs.activation == "softmax":
        raise ValueError(
            "multi_label=True needs a head with activation='sigmoid': a softmax lets one class win."
        )
    if is_binary(loss) and outputs.activation == "softmax":
        raise ValueError(
            "A binary loss reads each output as a yes or no of its own, and a softmax makes one of "
            f"{outputs.count} win. Leave loss out: it is chosen to fit. Received: loss={loss!r}"
        )
    one_for_two = outputs.count == 1 and num_classes == 2 and not outputs.multi_label
    if outputs.count != num_classes and not one_for_two:
        raise ValueError(
            f"The head gives {outputs.count} outputs for {num_classes} classes. "
            "Its last layer should be Dense(num_classes, activation=activation)."
        )


def is_binary(loss: Any) -> bool:
    """Whether a loss is for outputs that are a yes or no each."""
    return "binary" in _name(loss)


def choose_loss(outputs: Outputs, metrics: Any) -> keras.losses.Loss:
    """Gives the cross-entropy that fits the outputs and what the metrics need labels to be."""
    logits = outputs.activation == "linear"
    if outputs.independent or outputs.activation == "sigmoid":
        return keras.losses.BinaryCrossentropy(from_logits=logits)
    if outputs.soft or _need_one_hot(metrics):
        return keras.losses.CategoricalCrossentropy(from_logits=logits)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=logits)


def choose_metrics(outputs: Outputs) -> list[Any]:
    """Gives accuracy, and where each output is a yes or no, the area under the ROC curve too."""
    if not outputs.independent:
        return ["accuracy"]
    logits = outputs.activation == "linear"
    return [
        keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0 if logits else 0.5),
        keras.metrics.AUC(name="auc", multi_label=outputs.multi_label, from_logits=logits),
    ]


def encoding(loss: Any, outputs: Outputs) -> Encoding:
    """Says how a loss wants its labels; `None`: as the data gives them."""
    if outputs.multi_label or outputs.soft:
        return None
    if outputs.count == 1:
        return "binary"
    if takes_ids(loss):
        return "index"
    return "one-hot" if _ONE_HOT.search(_loss_name(loss)) else None


def is_cross_entropy(loss: Any) -> bool:
    """Whether a loss is Keras's cross-entropy as it comes."""
    name = _loss_name(loss).replace("_", "")
    return (
        name.endswith("crossentropy")
        and "focal" not in name
        and not getattr(loss, "label_smoothing", 0)
    )


def takes_ids(loss: Any) -> bool:
    """Whether a loss wants class ids."""
    return loss is not None and "sparse" in _loss_name(loss)


def _loss_name(loss: Any) -> str:
    return _name(keras.losses.get(loss) if isinstance(loss, str) else loss)  # "mse" has two names


def check_metrics(metrics: Any, labels: Encoding) -> None:
    """Refuses Keras's metrics that would read the labels of the loss wrongly, mostly in silence.

    Raises:
        ValueError: The metric, and the fix.
    """
    if isinstance(metrics, dict):
        metrics = list(metrics.values())
    for metric in metrics if isinstance(metrics, (list, tuple)) else [metrics]:
        if isinstance(metric, (list, tuple)):
            check_metrics(metric, labels)
            continue
        reads_ids = "sparse" in _name(metric)
        reads_rows = not reads_ids and _READS_ROWS.search(_name(metric)) is not None
        compares_outputs = "categorical" in _name(metric)
        if (
            (labels == "index" and reads_rows)
            or (labels == "one-hot" and reads_ids)
            or (labels == "binary" and compares_outputs)
        ):
            raise ValueError(
                f"The metric {metric!r} does not fit the loss, whose labels are {_LABELS[labels]}. "
                "Use 'accuracy', which fits every loss, or leave loss out: it is chosen to fit."
            )


def copy_metrics(metrics: Any) -> Any:
    """Copies metric objects, in lists and dicts too, from their configs."""
    if isinstance(metrics, (list, tuple)):
        return [copy_metrics(metric) for metric in metrics]
    if isinstance(metrics, dict):
        return {name: copy_metrics(metric) for name, metric in metrics.items()}
    return _copy(metrics) if isinstance(metrics, keras.metrics.Metric) else metrics


def copy_optimizer(optimizer: Any, learning_rate: float | None = None) -> keras.Optimizer:
    """Makes a new optimizer from a name or a template, which is not changed.

    Raises:
        ValueError: There is no optimizer of that name.
        TypeError: It is neither a name nor a Keras optimizer.
    """
    if not isinstance(optimizer, (str, keras.Optimizer)):
        raise TypeError(
            "Expected the name of a Keras optimizer or an optimizer object. "
            f"Received: optimizer={optimizer!r}"
        )
    template = keras.optimizers.get(optimizer)
    config = _config(template)
    if learning_rate is not None:
        # LossScaleOptimizer leaves the rate to the one inside.
        with_rate = config["inner_optimizer"]["config"] if "inner_optimizer" in config else config
        with_rate["learning_rate"] = float(learning_rate)
    return type(template).from_config(config)


def _copy(template: Any) -> Any:
    return type(template).from_config(_config(template))


def _config(template: Any) -> dict[str, Any]:
    config = template.get_config()
    if type(template).__module__.startswith("keras."):
        return config
    arguments = inspect.signature(type(template)).parameters.values()
    lost = [a.name for a in arguments if a.kind == a.POSITIONAL_OR_KEYWORD and a.name not in config]
    if lost:
        raise TypeError(
            f"{type(template).__name__} cannot be copied, which each training does: its "
            f"get_config() must give {', '.join(lost)} too."
        )
    return config


def _name(loss: Any) -> str:
    # An object's `.name` is the user's to choose: CategoricalAccuracy(name="accuracy").
    named = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    return named.lower()


def _need_one_hot(metrics: Any) -> bool:
    given = metrics if isinstance(metrics, (list, tuple)) else [metrics]
    names = [_name(metric) for metric in given if metric is not None]
    return any(name not in ("accuracy", "acc") and "sparse" not in name for name in names)
