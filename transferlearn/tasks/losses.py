"""Returns the names of losses and metrics, by which they are recognised."""

import keras

from transferlearn.types import Loss, Metric


def loss_name(loss: Loss) -> str:
    """Returns the name of a loss's function or class, also for an alias of it."""
    # Aliases such as "mse" are resolved: the function or class has only one name.
    return name_of(keras.losses.get(loss) if isinstance(loss, str) else loss)


def name_of(part: Loss | Metric | None) -> str:
    """Returns a string as it is, or the name of a function or class, in lower case."""
    # An object's `.name` is the user's to choose: CategoricalAccuracy(name="accuracy").
    named = part if isinstance(part, str) else getattr(part, "__name__", type(part).__name__)
    return named.lower()
