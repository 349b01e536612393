"""Writes numbers of things in words."""


def counted(count: float, noun: str) -> str:
    """Writes how many of a thing there are, such as "1 image", "2 boxes" or "1,423 items"."""
    plural = "" if count == 1 else "es" if noun.endswith(("s", "x")) else "s"
    return f"{count:,.0f} {noun}{plural}"
