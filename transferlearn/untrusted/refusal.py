"""Defines the error that says why a file is not read."""


class RefusalError(ValueError):
    """Describes what a file holds that could run code, fill the memory or spoil a model."""
