"""Makes backbones for recordings, which know the rate and the length that they hear."""

from dataclasses import dataclass

from transferlearn.backbones.base import Backbone


@dataclass(frozen=True, kw_only=True)
class AudioBackbone(Backbone):
    """Holds a network that takes samples of one rate, as many as it can hear at once.

    Attributes:
        sample_rate: The rate in Hz.
        most_seconds: The length of the longest row that it takes.
    """

    sample_rate: int
    most_seconds: float
    raw: str = "audio"

    def check(self, samples: int, sample_rate: int) -> None:
        """Raises `ValueError` for rows of another rate, or of more samples than it takes."""
        if sample_rate != self.sample_rate:
            raise ValueError(
                f"{self.name} hears {self.sample_rate:,} Hz: pass sample_rate={self.sample_rate}. "
                f"Received: sample_rate={sample_rate}"
            )
        if samples > self.most_seconds * self.sample_rate:
            raise ValueError(
                f"{self.name} hears {self.most_seconds:g} seconds at once: pass "
                f"seconds={self.most_seconds:g}. Received: seconds={samples / sample_rate:g}"
            )
