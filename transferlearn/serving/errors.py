"""Defines what a server answers where it cannot predict: a status and one sentence."""

from collections.abc import Mapping


class RefusalError(Exception):
    """Is raised where a request is refused.

    Args:
        status: The HTTP status.
        sentence: What is wrong, and what was expected.
        headers: Headers of the answer.
    """

    def __init__(
        self, status: int, sentence: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = dict(headers or {})


def bad(sentence: str) -> RefusalError:
    """Makes the refusal of a request that is wrong."""
    return RefusalError(400, sentence)


FAILED = RefusalError(500, "The server failed; its log says why.")
