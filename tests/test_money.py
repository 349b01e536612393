"""Money always has a currency."""

import pytest

from transferlearn.money import Money, price

pytestmark = pytest.mark.core


def test_a_price_is_an_amount_with_a_currency():
    assert price("1.20 EUR") == Money(1.2, "EUR")
    assert price("  .5  $ ") == Money(0.5, "$")
    assert price("0 EUR") == Money(0.0, "EUR")
    assert price(None) is None
    assert price("3 EUR").times(0.5) == Money(1.5, "EUR")


def test_money_is_printed_with_its_currency():
    assert str(Money(1234.567, "EUR")) == "1,234.57 EUR"
    assert str(Money(0.00249, "USD")) == "0.0025 USD"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (0.5, "0.5 EUR"),
        (3, "3 EUR"),
        ("3", "3 EUR"),
        ("3 4", "1.20 EUR"),
        ("-1 EUR", "1.20 EUR"),
        ("nan EUR", "1.20 EUR"),
        ("EUR", "1.20 EUR"),
        ((1.2, "EUR"), "1.20 EUR"),
        (float("inf"), "1.20 EUR"),
        (-1.0, "1.20 EUR"),
        (True, "1.20 EUR"),
    ],
)
def test_anything_else_is_refused_with_the_line_to_write(value, line):
    with pytest.raises(ValueError, match="an amount of at least 0 and its currency") as raised:
        price(value)
    assert f'Write price_per_hour="{line}"' in str(raised.value)
    assert str(raised.value).endswith(f"Received: price_per_hour={value!r}")
