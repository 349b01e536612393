"""Optimizers and metrics that a user passes are templates: each training works on copies."""

import inspect
from typing import Any

import keras


def copy_metrics(metrics: Any) -> Any:
    """Copies metric objects, in lists and dicts too, from their configs."""
    if isinstance(metrics, (list, tuple)):
        return [copy_metrics(metric) for metric in metrics]
    if isinstance(metrics, dict):
        return {name: copy_metrics(metric) for name, metric in metrics.items()}
    if isinstance(metrics, keras.metrics.Metric):
        return type(metrics).from_config(_config(metrics))
    return metrics


def copy_optimizer(optimizer: Any, learning_rate: float | None = None) -> keras.Optimizer:
    """Makes a new optimizer from a name or a template, which is not changed.

    Args:
        optimizer: Name of a Keras optimizer, or an object.
        learning_rate: Its rate; `None`: the template's own.

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
