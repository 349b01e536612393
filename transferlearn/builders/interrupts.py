"""Hands over the model of a training that was cut short, with the exception that did it."""

from typing import Literal

from transferlearn.fitted import FittedModel
from transferlearn.wording import counted

_LINE = "fitted = sys.last_value.fitted"


def check_interrupts(on_interrupt: object) -> None:
    """Raises `ValueError` unless the argument says what an interrupt does."""
    if on_interrupt not in ("raise", "return"):
        raise ValueError(
            f"on_interrupt is 'raise' or 'return'. Received: on_interrupt={on_interrupt!r}"
        )


def hand_over(
    error: BaseException, fitted: FittedModel, on_interrupt: Literal["raise", "return"]
) -> None:
    """Raises the exception that cut a training short, with the model as its attribute `fitted`.

    Args:
        error: What was raised in the training.
        fitted: The model with its best weights so far.
        on_interrupt: `"return"` raises no `KeyboardInterrupt`, since the model is returned.
    """
    epochs = sum(phase.epochs for phase in fitted.phases)
    done = f"Training was cut short after {counted(epochs, 'epoch')}."
    if isinstance(error, KeyboardInterrupt) and on_interrupt == "return":
        print(done)
        return
    error.fitted = fitted  # type: ignore[attr-defined]
    error.add_note(f"{done} The model with its best weights so far: import sys; {_LINE}")
    print(f"{done} The model with its best weights so far:\nimport sys\n{_LINE}")
    raise error
