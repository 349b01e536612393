"""Reads a machine's price, and writes amounts of money, always with their currency."""

import re
from dataclasses import dataclass

_PRICE = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s+([^\s\d]+)")


@dataclass(frozen=True)
class Money:
    """Holds an amount of money; printed, it is a text such as `1.20 EUR`.

    Attributes:
        amount: The amount, at least 0.
        currency: The currency, as the user wrote it.
    """

    amount: float
    currency: str

    def __str__(self) -> str:
        form = ",.2f" if self.amount >= 1 else ".2g"
        return f"{self.amount:{form}} {self.currency}"

    def times(self, factor: float) -> "Money":
        """Returns so many times this amount."""
        return Money(self.amount * factor, self.currency)


def price(value: object) -> Money | None:
    """Reads `price_per_hour`, such as `"1.20 EUR"`; `None`, for unknown, stays `None`.

    Raises:
        ValueError: The price is no amount of at least 0 with its currency.
    """
    if value is None:
        return None
    found = _PRICE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        example = f"{value} EUR"
        example = example if _PRICE.fullmatch(example) else "1.20 EUR"
        raise ValueError(
            "price_per_hour is a text with an amount of at least 0 and its currency. Write "
            f'price_per_hour="{example}", in your own currency. Received: price_per_hour={value!r}'
        )
    return Money(float(found[1]), found[2])
