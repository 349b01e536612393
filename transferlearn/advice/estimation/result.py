"""Defines the result of an estimate, and writes it as a text."""

from dataclasses import dataclass

from transferlearn.money import Money


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Holds what a run will take in time, memory and money; printed, it is a short text.

    Attributes:
        seconds: Seconds from the call of `fit` to its end: the sum of `loading`, `starting`,
            `features` and `training`.
        loading: Seconds for reading and checking the items.
        starting: Seconds for loading weights, and for building and compiling graphs.
        features: Seconds for computing, once, the output of the frozen layers that is stored.
        training: Seconds for all epochs, or for solving the head.
        memory: The most bytes of the process that are resident at once.
        stored_in_memory: Bytes of features that the run puts into memory, a part of `memory`; also
            of those that it finds on disk.
        stored_on_disk: Bytes of features that the run writes to disk.
        stored_already: The number of items whose features are stored before the run, told from the
            items that were measured; these are not computed again.
        money: The cost of the run, an `amount` in a `currency`; `None` without a price.
        images: The number of all items (also where they are no images), those to validate on
            included.
        measured: The number of items that were measured.
        took: Seconds that the estimate itself took.
    """

    seconds: float
    loading: float
    starting: float
    features: float
    training: float
    memory: int
    stored_in_memory: int
    stored_on_disk: int
    stored_already: int
    money: Money | None
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
        if self.stored_already:
            about = "about " if self.measured < self.images else ""
            lines.append(
                f"Features of {about}{self.stored_already:,} of {self.images:,} items are stored "
                "already."
            )
        if self.money is not None:
            lines.append(f"Money: {self.money}")
        lines.append(
            f"Measured on {self.measured:,} of {self.images:,} items in {_time(self.took)}."
        )
        return "\n".join(lines)

    __repr__ = __str__


def _time(seconds: float) -> str:
    """Writes a time in seconds, minutes or hours."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.0f} min" if minutes < 100 else f"{hours:.1f} h"
