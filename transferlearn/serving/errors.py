"""Defines what a server answers where it cannot predict: a status and one sentence."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from transferlearn.json_fields import Json

# Routes with OpenAI's format of errors.
OPENAI = ("/v1/completions", "/v1/chat/completions", "/v1/audio/transcriptions")


class RequestRefusedError(Exception):
    """Is raised where a request is refused.

    Args:
        status: The HTTP status.
        sentence: What is wrong, and what was expected.
        headers: Headers of the answer.
        item: The number of the item that is wrong, from 0; `None`: not one of several.
        param: The field that is wrong, where OpenAI's clients are told of it.
        code: What is wrong in a word, for them.
    """

    def __init__(
        self,
        status: int,
        sentence: str,
        headers: Mapping[str, str] | None = None,
        item: int | None = None,
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = dict(headers or {})
        self.item = item
        self.param = param
        self.code = code

    @property
    def content(self) -> Json:
        """Returns what the body of the answer holds."""
        return {"error": self.sentence, **({} if self.item is None else {"item": self.item})}

    def of_item(self, item: int, count: int) -> "RequestRefusedError":
        """Returns this refusal with the number of the item that is wrong, if there are several."""
        if count == 1:
            return self
        sentence = f"Item {item + 1} of {count}: {self.sentence}"
        return RequestRefusedError(self.status, sentence, self.headers, item)


_TYPES = {
    401: "authentication_error",
    404: "not_found_error",
    500: "server_error",
    503: "server_error",
    504: "server_error",
}


def of_openai(refusal: RequestRefusedError) -> Json:
    """Returns what the body of the answer holds where OpenAI's clients read it."""
    kind = _TYPES.get(refusal.status, "invalid_request_error")
    told = {"type": kind, "param": refusal.param, "code": refusal.code}
    return {"error": {"message": refusal.sentence, **told}}


def body_of(refusal: RequestRefusedError, path: str) -> Json:
    """Returns what the body of the answer to a request for a path holds."""
    return of_openai(refusal) if path in OPENAI else refusal.content


def bad(sentence: str) -> RequestRefusedError:
    """Makes the refusal of a request that is wrong."""
    return RequestRefusedError(400, sentence)


@contextmanager
def naming_item(item: int, count: int) -> Iterator[None]:
    """Refuses what fails in a block as the fault of an item of a request.

    Raises:
        RequestRefusedError: The item is wrong.
    """
    try:
        yield
    except RequestRefusedError as refusal:
        raise refusal.of_item(item, count) from refusal
    except WRONG as error:
        raise bad(" ".join(str(error).split())[:500]).of_item(item, count) from error


WRONG = (ValueError, TypeError, OverflowError, RecursionError)  # what reading of an item raises
FAILED = RequestRefusedError(500, "The server failed; its log says why.")
