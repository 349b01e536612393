"""What is told of a run."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a run will take.

    Attributes:
        seconds: From the call of `fit` to its end; the sum of the next four.
        loading: Seconds for reading and checking the images.
        starting: Seconds for loading weights, and for building and compiling graphs.
        features: Seconds for computing, once, what is stored of the frozen layers.
        training: Seconds for all epochs, or for solving the head.
        memory: Bytes of the process that are resident at most.
        stored_in_memory: Bytes of stored features, part of `memory`.
        stored_on_disk: Bytes of stored features.
        money: In the currency of the price, or `None`.
        images: How many there are, those to validate on included.
        measured: How many of them were measured.
        took: Seconds that the estimate took.
    """

    seconds: float
    loading: float
    starting: float
    features: float
    training: float
    memory: int
    stored_in_memory: int
    stored_on_disk: int
    money: float | None
    images: int
    measured: int
    took: float

    def __str__(self) -> str:
        parts = {
            "reading": self.loading,
            "weights and graphs": self.starting,
            "features": self.features,
            "training": self.training,
        }
        listed = ", ".join(f"{name} {_time(part)}" for name, part in parts.items() if part)
        where = [
            f"{nbytes / 1e6:,.1f} MB {place}"
            for nbytes, place in (
                (self.stored_in_memory, "in memory"),
                (self.stored_on_disk, "on disk"),
            )
            if nbytes
        ]
        lines = [
            f"Time: {_time(self.seconds)} ({listed})",
            f"Memory: {self.memory / 1e9:.2f} GB resident at most",
            f"Stored features: {', '.join(where) or 'none'}",
        ]
        if self.money is not None:
            form = ",.2f" if self.money >= 1 else ".2g"
            lines.append(f"Money: {self.money:{form}}")
        lines.append(
            f"Measured on {self.measured:,} of {self.images:,} items in {_time(self.took)}."
        )
        return "\n".join(lines)


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.0f} min" if minutes < 100 else f"{hours:.1f} h"
