"""Writes the messages of a conversation as one text, by the template that a model came with."""

import atexit
import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from transferlearn.extras import require
from transferlearn.json_fields import Json

ROLES = ("system", "user", "assistant")
_SECONDS = 5.0  # that a template may compute
_SECONDS_TO_START = 120.0
_LONGEST = 2**24  # characters that it may write, as JSON
_WORD, _NEXT = "Answered.", "Asked."
_PLAIN = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


class Part(NamedTuple):
    """Holds a part of a text, and whether it is learnt."""

    text: str
    learnt: bool


@dataclass(frozen=True)
class ChatTemplate:
    """Writes conversations as a model was trained to read them.

    The template is code that came with a model, so it runs in a sandbox, in a process of its own,
    and is ended after 5 seconds.

    Args:
        source: The template, in the language of jinja2; by default `role: content` on a line each.
        words: The names and strings of special tokens, such as `("bos_token", "<s>")`.
    """

    source: str = _PLAIN
    words: tuple[tuple[str, str], ...] = ()

    def prompt(self, messages: Sequence[Mapping[str, object]]) -> str:
        """Returns a conversation as a prompt, behind which the assistant's next message is written.

        Args:
            messages: Each `{"role": "user", "content": "Hello"}`.

        Raises:
            ValueError: They are no messages, or the template refuses them or takes too long.
        """
        return self._text(_checked(messages), True)

    def parts(self, messages: Sequence[Mapping[str, object]]) -> tuple[Part, ...]:
        """Returns a conversation in parts, of which those that the assistant writes are learnt.

        Raises:
            ValueError: See `prompt`; or the assistant says nothing.
        """
        known, parts, done = _checked(messages), list[Part](), ""
        for number, message in enumerate(known):
            if message["role"] != "assistant" or not message["content"].strip():
                continue
            before = self._text(known[:number], True)
            behind = self._text(known[: number + 1], False)
            if not (before.startswith(done) and behind.startswith(before)):
                raise ValueError(
                    f"the chat template writes message {number + 1} anew where others follow, so "
                    'what is to be learnt is not known: write {"prompt", "response"} instead'
                )
            parts += [Part(before[len(done) :], False), Part(behind[len(before) :], True)]
            done = behind
        if not parts:
            raise ValueError("the assistant says nothing in it")
        return tuple(parts)

    def ending(self) -> str:
        """Returns what the template writes behind the assistant's words, where an answer ends.

        Where that is blank, it is what begins the next message.
        """
        asked = [{"role": "user", "content": "a"}]
        answered = [*asked, {"role": "assistant", "content": _WORD}]
        _, _, behind = self._text(answered, False).rpartition(_WORD)
        if not behind.strip():
            further = self._text([*answered, {"role": "user", "content": _NEXT}], False)
            behind = further.rpartition(_WORD)[2].partition(_NEXT)[0]
        return behind.rstrip()

    def _text(self, messages: Sequence[Mapping[str, str]], answers: bool) -> str:
        """Returns a conversation as one text."""
        words = {**dict(self.words), "messages": messages, "add_generation_prompt": answers}
        answer = _worker.rendered({"template": self.source, "words": words})
        if "text" not in answer:
            raise ValueError(f"the chat template fails: {answer['error'].rstrip('.')}")
        return str(answer["text"])

    def settings(self) -> Json:
        """Returns what makes the template again, as JSON holds it."""
        return {"source": self.source, "words": dict(self.words)}

    @classmethod
    def load(cls, settings: Mapping[str, object]) -> Self:
        """Makes the template that has these settings.

        Raises:
            ValueError: They are of no template.
        """
        source, words = settings.get("source"), settings.get("words")
        if not isinstance(source, str) or not isinstance(words, dict):
            raise ValueError(f"No chat template: {settings!r:.80}")
        return cls(source, tuple((str(name), str(word)) for name, word in words.items()))


def _checked(messages: object) -> list[dict[str, str]]:
    """Returns messages as templates read them.

    Raises:
        ValueError: They are no messages, or of no known role.
    """
    if not isinstance(messages, (list, tuple)) or not messages:
        raise ValueError('messages are a list such as [{"role": "user", "content": "Hello"}]')
    found = []
    for number, message in enumerate(messages, 1):
        given = message if isinstance(message, Mapping) else {}
        role, content = given.get("role"), given.get("content")
        if role not in ROLES:
            raise ValueError(
                f"message {number} has the role {role!r:.40}, and roles are {', '.join(ROLES)}"
            )
        if not isinstance(content, str):
            raise ValueError(f"message {number} has no content that is a string: {content!r:.40}")
        found.append({"role": role, "content": content})
    if found[0]["role"] == "assistant":
        raise ValueError("the first message is the assistant's, and nobody has asked")
    return found


class _Worker:
    """Holds the process that renders templates, which is begun when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def rendered(self, given: Json) -> Json:
        """Returns what the process makes of a template; ends the process if it takes too long."""
        with self._lock:
            if self._process is None:
                self._process = self._begun()
            try:
                return self._answer(given, _SECONDS)
            except (OSError, EOFError):
                self.end()
                error = f"it takes more than {_SECONDS:g} seconds or 1 GB, or writes without end"
                return {"error": error}

    def end(self) -> None:
        """Ends the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _begun(self) -> "subprocess.Popen[str]":
        """Starts the process."""
        require("A chat template", "hub", "jinja2")
        worker = Path(__file__).with_name("rendering.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(worker)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        try:
            self._answer(sys.path, _SECONDS_TO_START)
        except (OSError, EOFError) as error:
            self.end()
            raise RuntimeError("The process that renders chat templates does not start.") from error
        return self._process

    def _answer(self, given: object, seconds: float) -> Json:
        """Sends a line to the process, and reads its answer.

        Raises:
            OSError: The process has ended.
            EOFError: It ended, or was ended after so many seconds.
        """
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        try:
            print(json.dumps(given), file=process.stdin, flush=True)
            line = process.stdout.readline(_LONGEST)
        finally:
            timer.cancel()
        if not line.endswith("\n"):
            raise EOFError
        answer: Json = json.loads(line)
        return answer


_worker = _Worker()
atexit.register(_worker.end)
