"""Checks that a head gives the outputs that were asked for, and new layers at each call."""

import keras
import numpy as np

from transferlearn.heads import Activation, Head
from transferlearn.testing.requiring import require, require_object, require_settings, requiring

_FEATURES = ((5, 5, 8), (8,))  # a map, and a vector


def check_head(head: Head, *, features: tuple[tuple[int, ...], ...] = _FEATURES) -> None:
    """Checks a head: its output's shape, what its activation means, and that it keeps no layers.

    Args:
        head: The head to check.
        features: The shapes of one item's features that the head takes, such as `((7, 7, 512),)`
            for maps of that size only; by default a small map and a vector.

    Raises:
        AssertionError: Something is wrong; the message says what, and what was expected.

    Example:
        tl.testing.check_head(MaxHead(units=64))
    """
    require_object(head, Head, "tl.heads.Head")
    require_settings(head)
    for shape in features:
        for activation in ("softmax", "sigmoid", "linear"):
            _check_output(head, shape, activation)
        _check_layers(head, shape)


def _model(
    head: Head, shape: tuple[int, ...], activation: Activation, outputs: int = 3
) -> keras.Model:
    """Makes a model of the head alone, and checks the type and shape of its output."""
    features = keras.Input(shape)
    with requiring(
        f"The head cannot be called on features of shape {shape}. If it takes others only, pass "
        "their shape: features=((7, 7, 512),)"
    ):
        output = head(features, outputs, activation=activation)
    require(
        keras.utils.is_keras_tensor(output),
        f"A head returns its output, a KerasTensor. Received: {output!r}",
    )
    require(
        tuple(output.shape) == (None, outputs),
        f"For features of shape {shape} and num_classes={outputs}, the output has the shape "
        f"{tuple(output.shape)}, where (None, {outputs}) was expected. Pool or flatten the "
        "features, and end with Dense(num_classes).",
    )
    return keras.Model(features, output)


def _check_output(head: Head, shape: tuple[int, ...], activation: Activation) -> None:
    """Checks on random features that the outputs are those of the activation; logits pass too."""
    # 64 rows of large numbers: with 4 of small ones, one head in hundreds gave only numbers in
    # [0, 1] by chance.
    rows = np.random.default_rng(0).normal(0, 10, size=(64, *shape)).astype("float32")
    values = _model(head, shape, activation).predict(rows, verbose=0)
    require(bool(np.isfinite(values).all()), "The outputs are not finite.")
    total, within = values.sum(axis=1), bool(((values >= 0) & (values <= 1)).all())
    are_shares = within and bool(np.allclose(total, 1, atol=1e-4))
    if activation == "linear":
        low, high = float(values.min()), float(values.max())
        require(
            max(-low, high) > 1,
            "activation='linear' is for numbers of any size, and the outputs lie between "
            f"{low:.3g} and {high:.3g}: the last layer must use the activation that is passed.",
        )
    elif within and activation == "softmax":
        require(are_shares, "Outputs in [0, 1] for activation='softmax' must add up to 1.")
    elif within:
        require(
            not are_shares,
            "activation='sigmoid' means a yes or no for each output, and these add up to 1: the "
            "last layer must use the activation that is passed.",
        )


def _check_layers(head: Head, shape: tuple[int, ...]) -> None:
    """Checks that the head makes new layers with weights at each call, and can be saved."""
    first, second = (_model(head, shape, "softmax") for _ in range(2))
    require(bool(first.trainable_weights), "The head has nothing that can be trained.")
    shared = {id(w) for w in first.weights} & {id(w) for w in second.weights}
    require(
        not shared,
        "Called twice, the head gives the same weights: it must make its layers where it is "
        "called, so that one head can be given to several builders.",
    )
    _model(head, shape, "softmax", outputs=5)  # a head may have a number of its own built in
    values = first.predict(np.ones((2, *shape), "float32"), verbose=0)
    with requiring("The head cannot be saved and loaded"):
        again = keras.models.model_from_json(first.to_json())
        again.set_weights(first.get_weights())
    values_again = again.predict(np.ones((2, *shape), "float32"), verbose=0)
    require(
        bool(np.allclose(values, values_again, atol=1e-5)),
        "Saved and loaded, the head gives something else: get_config of its layers must hold "
        "all that they were made with.",
    )
