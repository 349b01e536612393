"""Copies the optimizers and metrics that a user passes, so that each training has its own."""

import inspect
from typing import Any

import keras

from transferlearn.json_fields import Json


def copy_metrics(metrics: object) -> Any:
    """Makes new metric objects from the configs of old ones, in lists and dictionaries too."""
    if isinstance(metrics, (list, tuple)):
        return [copy_metrics(metric) for metric in metrics]
    if isinstance(metrics, dict):
        return {name: copy_metrics(metric) for name, metric in metrics.items()}
    if isinstance(metrics, keras.metrics.Metric):
        return type(metrics).from_config(_config(metrics))
    return metrics


def copy_optimizer(
    optimizer: str | keras.Optimizer, learning_rate: float | None = None
) -> keras.Optimizer:
    """Makes a new optimizer from a name or a template, which is not changed.

    Args:
        optimizer: The name of a Keras optimizer, or an optimizer that serves as the template.
        learning_rate: The rate of the new optimizer; `None`: that of the template.

    Raises:
        ValueError: There is no optimizer of that name.
        TypeError: The optimizer is neither a name nor a Keras optimizer, or cannot be copied.
    """
    if not isinstance(optimizer, (str, keras.Optimizer)):
        raise TypeError(
            "Expected the name of a Keras optimizer or an optimizer object. "
            f"Received: optimizer={optimizer!r}"
        )
    template = keras.optimizers.get(optimizer)
    config = _config(template)
    if learning_rate is not None:
        # LossScaleOptimizer has no rate of its own: it is that of the optimizer inside.
        with_rate = config["inner_optimizer"]["config"] if "inner_optimizer" in config else config
        with_rate["learning_rate"] = float(learning_rate)
    return type(template).from_config(config)


def _config(template: keras.Optimizer | keras.metrics.Metric) -> Json:
    """Returns an object's config; refuses a user's class whose config lacks an argument."""
    config = template.get_config()
    if type(template).__module__.startswith("keras."):
        return config
    # An argument that a user's class does not give would silently go back to its default.
    arguments = inspect.signature(type(template)).parameters.values()
    lost = [a.name for a in arguments if a.kind == a.POSITIONAL_OR_KEYWORD and a.name not in config]
    if lost:
        raise TypeError(
            f"{type(template).__name__} cannot be copied for each training: its "
            f"get_config() must give {', '.join(lost)} too."
        )
    return config
