"""Reads what OpenAI's clients ask of a language model, and writes answers in their form."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transferlearn.edge.written import Piece, Writer
from transferlearn.json_fields import Json
from transferlearn.serving.errors import RequestRefusedError, bad
from transferlearn.serving.items import Text, as_text
from transferlearn.serving.models import Models, Served

_MOST_STOPS = 16
_SMALLEST = 1e-3  # a temperature below it takes the likeliest token
_OPTIONS = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k"}
_OTHERS = ("model", "stream", "stream_options", "stop", "seed", "user")
# What clients send though they ask for nothing by it.
_NEUTRAL: Json = {
    "n": 1,
    "best_of": 1,
    "echo": False,
    "logprobs": False,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "store": False,
    "tools": [],
}


@dataclass(frozen=True)
class Asked:
    """Holds what a client asks for.

    Attributes:
        served: The model.
        given: The prompt or the prompts, or the messages, as they were sent.
        chat: Whether they are messages.
        options: Settings of a `Sampling` that differ from the model's own.
        streams: Whether the client reads the answer piece by piece.
        counts: Whether a streamed answer ends with the number of tokens.
    """

    served: Served
    given: Any
    chat: bool
    options: Json
    streams: bool
    counts: bool

    def prompts(self, writer: Writer) -> tuple[list[Text], Json]:
        """Returns the prompts, and the settings for them.

        Raises:
            ValueError: The messages are none, or the model's chat template refuses them.
            RequestRefusedError: A prompt is no text (400).
        """
        if not self.chat:
            given = [self.given] if isinstance(self.given, str) else self.given
            return [as_text(prompt) for prompt in given], self.options
        prompt, stop = writer.prompt([_message(one) for one in self.given])
        stops = (*self.options.get("stop", ()), *stop)
        return [as_text(prompt)], {**self.options, "stop": stops}


def asked(said: Json, chat: bool, models: Models) -> Asked:
    """Reads the body of a request.

    Raises:
        RequestRefusedError: A field is wrong or not known (400), or there is no such model (404).
    """
    said = {name: value for name, value in said.items() if value is not None}
    given, most = ("messages", "max_completion_tokens") if chat else ("prompt", "max_tokens")
    numbers = {**_OPTIONS, "max_tokens": "max_new_tokens", most: "max_new_tokens"}
    for name, value in said.items():
        if name in _NEUTRAL:
            _check(name, type(value) is not str and _same(value, _NEUTRAL[name]), "not offered")
        elif name not in (*numbers, *_OTHERS, given):
            raise bad(f"{name!r:.60} is not offered here. Leave it out.")
    found: Json = {}
    for name in numbers.keys() & said.keys():
        whole = name not in ("temperature", "top_p")
        _check(name, _is_number(said[name], whole), "no " + ("whole " if whole else "") + "number")
        found[numbers[name]] = said[name]
    if "temperature" in found:
        _check("temperature", 0 <= found["temperature"] <= 2, "not between 0 and 2")
        found["temperature"] = found["temperature"] if found["temperature"] >= _SMALLEST else 0.0
    if "seed" in said:
        _check("seed", _is_number(said["seed"], whole=True), "no whole number")
        found["seed"] = said["seed"] % 2**63
    if "stop" in said:
        found["stop"] = _stops(said["stop"])
    _check(given, _is_given(said.get(given), chat), f"no {given}")
    streams, wished = said.get("stream", False), said.get("stream_options", {})
    _check("stream", isinstance(streams, bool), "neither true nor false")
    _check("stream_options", isinstance(wished, dict) and (streams or not wished), "for streams")
    model = said.get("model")
    _check("model", model is None or isinstance(model, str), "no name")
    counts = wished.get("include_usage") is True
    return Asked(models.get(model), said[given], chat, found, streams, counts)


def _check(name: str, good: bool, what: str) -> None:
    """Refuses a field that is wrong."""
    if not good:
        raise RequestRefusedError(400, f"{name!r} is missing or wrong: it is {what}.", param=name)


def _same(value: object, neutral: object) -> bool:
    """Returns whether a field asks for nothing."""
    return bool(isinstance(value, bool) == isinstance(neutral, bool) and value == neutral)


def _is_number(value: object, whole: bool) -> bool:
    """Returns whether a value is a number, or a whole number."""
    return isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)


def _is_given(given: object, chat: bool) -> bool:
    """Returns whether these are prompts, or messages."""
    if isinstance(given, str):
        return not chat
    kind = dict if chat else str
    return isinstance(given, list) and bool(given) and all(isinstance(x, kind) for x in given)


def _stops(given: Any) -> tuple[str, ...]:
    """Returns the strings at which texts end."""
    listed = [given] if isinstance(given, str) else given
    good = isinstance(listed, list) and all(isinstance(one, str) and one for one in listed)
    _check("stop", good and len(listed) <= _MOST_STOPS, f"no list of 1 to {_MOST_STOPS} strings")
    return tuple(listed)


def _message(given: Mapping[str, object]) -> Json:
    """Returns a message whose words may come in several parts, and whose role may be a new one."""
    content, role = given.get("content"), given.get("role")
    if isinstance(content, list):
        if not all(isinstance(part, dict) and part.get("type") == "text" for part in content):
            raise bad("The content of a message is a text, or a list of parts of the type text.")
        texts = [part.get("text") for part in content]
        content = "".join(text if isinstance(text, str) else "" for text in texts)
    return {"role": "system" if role == "developer" else role, "content": content}


class Form:
    """Writes an answer in the form that OpenAI's clients read, whole or in chunks.

    Args:
        asked: What was asked for.
        request_id: The id of the request.
        created: When it came, in seconds since 1970.
    """

    def __init__(self, asked: Asked, request_id: str, created: int) -> None:
        self._asked = asked
        kind = "chat.completion" if asked.chat else "text_completion"
        self._about = {
            "id": f"{'chatcmpl' if asked.chat else 'cmpl'}-{request_id}",
            "object": f"{kind}.chunk" if asked.chat and asked.streams else kind,
            "created": created,
            "model": asked.served.name,
        }
        self._read = 0
        self._texts: list[_Written] = []

    def begin(self, counts: Sequence[int]) -> Iterator[Json]:
        """Takes the number of tokens of each prompt; yields the chunks that come first."""
        self._read = sum(counts)
        self._texts = [_Written() for _ in counts]
        if self._asked.chat:
            yield self._chunk(0, {"delta": {"role": "assistant", "content": ""}}, None)

    def take(self, step: Sequence[tuple[int, Piece]]) -> Iterator[Json]:
        """Takes what is new; yields a chunk for each text that has grown."""
        for i, piece in step:
            text = self._texts[i]
            new = text.grow(piece, strips=self._asked.chat)
            if new:
                yield self._chunk(i, self._part(new), None)

    def end(self) -> Iterator[Json]:
        """Yields the chunks that come last."""
        for i, text in enumerate(self._texts):
            yield self._chunk(i, {"delta": {}} if self._asked.chat else {"text": ""}, text.reason)
        if self._asked.counts:
            yield {**self._about, "choices": [], "usage": self._usage}

    def whole(self) -> Json:
        """Returns the whole answer."""
        choices = []
        for i, text in enumerate(self._texts):
            message = {"role": "assistant", "content": text.text}
            part = {"message": message} if self._asked.chat else {"text": text.text}
            choices.append(self._choice(i, part, text.reason))
        return {**self._about, "choices": choices, "usage": self._usage}

    def _part(self, new: str) -> Json:
        """Returns a part of a text."""
        return {"delta": {"content": new}} if self._asked.chat else {"text": new}

    def _chunk(self, i: int, part: Json, reason: str | None) -> Json:
        """Returns a chunk with a part of one text."""
        usage = {"usage": None} if self._asked.counts else {}
        return {**self._about, "choices": [self._choice(i, part, reason)], **usage}

    @staticmethod
    def _choice(i: int, part: Json, reason: str | None) -> Json:
        """Returns a text, or a part of it, with its number and why it ended."""
        return {"index": i, **part, "logprobs": None, "finish_reason": reason}

    @property
    def _usage(self) -> dict[str, int]:
        """The number of tokens."""
        written = sum(text.tokens for text in self._texts)
        total = self._read + written
        return {
            "prompt_tokens": self._read,
            "completion_tokens": written,
            "total_tokens": total,
        }


class _Written:
    """Holds what is written behind one prompt so far."""

    def __init__(self) -> None:
        self.text = ""
        self.tokens = 0
        self.reason = "length"
        self._blank = ""  # behind the text, and not sure to be followed by words

    def grow(self, piece: Piece, strips: bool) -> str:
        """Takes what is new; returns it, but for the blanks around an answer in a conversation."""
        self.tokens = piece.tokens
        self.reason = "stop" if piece.ended else "length"
        new = self._blank + piece.text
        if strips:
            new = new if self.text else new.lstrip()
            kept = new.rstrip()
            new, self._blank = kept, new[len(kept) :]
        self.text += new
        return new
