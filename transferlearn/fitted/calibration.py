"""Defines what a calibration did, as a table."""

from dataclasses import dataclass

from transferlearn.tables import as_table
from transferlearn.wording import counted


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Tells what a calibration did; printed, it is a short table.

    Attributes:
        temperature: The number by which the logits were divided; 1: nothing was changed.
        items: The number of items that it was found on.
        log_loss_before: The mean log-loss of these items before, in nats.
        log_loss_after: Their mean log-loss since.
        error_before: Their expected calibration error before (15 bins of equal width).
        error_after: Their calibration error since; of a few hundred items it is mostly noise.
    """

    temperature: float
    items: int
    log_loss_before: float
    log_loss_after: float
    error_before: float
    error_after: float

    def rows(self) -> list[list[str]]:
        """Writes the figures as the cells of a table, its head first."""
        return [
            ["", "before", "after"],
            ["log-loss", f"{self.log_loss_before:.4f}", f"{self.log_loss_after:.4f}"],
            ["calibration error", f"{self.error_before:.4f}", f"{self.error_after:.4f}"],
        ]

    def __str__(self) -> str:
        head = f"Temperature {self.temperature:.4g}, found on {counted(self.items, 'item')}."
        return f"{head}\n{as_table(self.rows(), right=(1, 2))}"

    __repr__ = __str__
