"""Makes layers with a kernel add a low-rank product to it."""

from collections.abc import Callable, MutableMapping
from math import prod, sqrt
from typing import NamedTuple, TypeGuard

import keras
import numpy as np
from keras import ops

from transferlearn.keras_internals import unlocked
from transferlearn.types import Tensor


class Axes(NamedTuple):
    """Says how a kernel is a matrix `(in, out)`.

    Attributes:
        order: The kernel's axes: first those that it sums over, then those that it makes.
        summed: The number of axes that it sums over, which are the last of what goes in.
    """

    order: tuple[int, ...]
    summed: int


class Updated(keras.Layer):
    """Adds a low-rank product to the kernel of a layer; `update` puts it before a layer's class.

    Attributes:
        lora_a: The first factor, `(in, rank)`.
        lora_b: The second factor, `(rank, out)`.
        scale: What the product is multiplied by.
        axes: How the kernel is a matrix.
        behind: The layer's activation, which is called behind the sum.
    """

    lora_a: keras.Variable
    lora_b: keras.Variable
    scale: float
    axes: Axes
    behind: Callable[[Tensor], Tensor]

    def call(self, inputs: Tensor, training: object = None) -> Tensor:
        """Computes what the layer does, with the product added to its kernel."""
        return self._with_update(inputs, super().call(inputs))

    def _with_update(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """Adds what the product makes of the inputs, so that no kernel has a gradient."""
        lead = ops.shape(inputs)[: len(inputs.shape) - self.axes.summed]
        flat = ops.reshape(inputs, (*lead, self.lora_a.shape[0]))
        made = ops.matmul(ops.matmul(flat, self.lora_a), self.lora_b) * self.scale
        return self.behind(outputs + ops.reshape(made, ops.shape(outputs)))

    def merged_kernel(self) -> Tensor:
        """Returns the kernel with the product added."""
        shape = [self.kernel.shape[axis] for axis in self.axes.order]
        made = ops.reshape(ops.matmul(self.lora_a, self.lora_b) * self.scale, shape)
        back = [self.axes.order.index(axis) for axis in range(len(shape))]
        return self.kernel + ops.cast(ops.transpose(made, back), self.kernel.dtype)

    def save_own_variables(self, store: MutableMapping[str, np.ndarray]) -> None:
        """Writes the layer as one without updates, which any Keras can read."""
        for i, value in enumerate((self.merged_kernel(), self.bias)):
            if value is not None:
                store[str(i)] = value

    def load_own_variables(self, store: MutableMapping[str, np.ndarray]) -> None:
        """Reads what was written, so that nothing is left to add."""
        for i, weight in enumerate((self.kernel, self.bias)):
            if weight is not None:
                weight.assign(store[str(i)])
        self.lora_b.assign(ops.zeros_like(self.lora_b))


def is_updated(part: keras.Layer) -> TypeGuard[Updated]:
    """Returns whether a layer has a low-rank update."""
    return isinstance(part, Updated)


def axes_of(part: keras.Layer) -> Axes | None:
    """Returns how a layer's kernel is a matrix; `None` for layers that have no such kernel."""
    if isinstance(part, keras.layers.Dense):
        return Axes((0, 1), 1)
    if not isinstance(part, keras.layers.EinsumDense):
        return None
    before, made = part.equation.replace(" ", "").replace("...", "").split("->")
    given, kernel = before.split(",")
    ends = "".join(x for x in given if x in kernel and x not in made)
    new = "".join(x for x in made if x in kernel and x not in given)
    is_matrix = given.endswith(ends) and made.endswith(new) and {*ends, *new} == {*kernel}
    return Axes(tuple(map(kernel.index, ends + new)), len(ends)) if is_matrix else None


def matrix_shape(part: keras.Layer) -> tuple[int, int]:
    """Returns the shape `(in, out)` of a layer's kernel as a matrix, which it must be."""
    axes = axes_of(part)
    assert axes is not None
    sizes = [part.kernel.shape[axis] for axis in axes.order]
    return prod(sizes[: axes.summed]), prod(sizes[axes.summed :])


def update(part: keras.Layer, rank: int, scale: float) -> None:
    """Makes a layer one that adds a product, which is 0 at first, to its kernel."""
    axes, (rows, columns) = axes_of(part), matrix_shape(part)
    most = 1 / sqrt(rows)  # as PEFT draws it
    drawn = keras.initializers.RandomUniform(-most, most)
    # Inside KerasHub's layers no other object can take the layer's place, so it changes its class.
    base = type(part)
    object.__setattr__(part, "__class__", type(f"LowRank{base.__name__}", (Updated, base), {}))
    for name, value in (("axes", axes), ("scale", scale), ("behind", part.activation)):
        object.__setattr__(part, name, value)  # Keras would make a list of a tuple
    part.activation = keras.activations.linear
    with unlocked(part):
        part.lora_a = part.add_weight((rows, rank), drawn, name="lora_a")
        part.lora_b = part.add_weight((rank, columns), "zeros", name="lora_b")


def merge(part: Updated) -> None:
    """Adds the product to the layer's kernel, and makes the layer what it was before."""
    part.kernel.assign(part.merged_kernel())
    part.activation = part.behind
    del part.lora_a, part.lora_b
    for name in ("axes", "scale", "behind"):
        object.__delattr__(part, name)
    object.__setattr__(part, "__class__", type(part).__bases__[1])
