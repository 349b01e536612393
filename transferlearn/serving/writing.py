"""Writes behind the prompts of a request, and notes what came of it."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from transferlearn.edge import WrittenReader
from transferlearn.edge.written import Piece, Writer, as_bytes
from transferlearn.json_fields import Json
from transferlearn.serving.completions import Asked
from transferlearn.serving.errors import RequestRefusedError, bad
from transferlearn.serving.metrics import Metrics
from transferlearn.serving.models import Served
from transferlearn.serving.predicting import Predictor, read_items
from transferlearn.serving.settings import Settings


class TextWriting:
    """Writes, counts and logs.

    Args:
        predictor: Notes what was written.
        metrics: The counters.
        settings: The limits.
    """

    def __init__(self, predictor: Predictor, metrics: Metrics, settings: Settings) -> None:
        self._predictor = predictor
        self._metrics = metrics
        self._settings = settings

    def steps(self, asked: Asked, request_id: str) -> Iterator[Sequence[Any]]:
        """Yields the number of tokens of each prompt, and then what is new, step by step.

        Raises:
            RequestRefusedError: The model writes no texts, a prompt or a setting is wrong, or there
                is no room (400).
        """
        served, writer = asked.served, asked.served.runner.writer
        if writer is None:
            raise bad(_no_prompts(served))
        started, most_rows = time.perf_counter(), self._settings.most_rows
        try:
            prompts, options = asked.prompts(writer)
        except ValueError as error:
            raise _refused(error) from error
        if len(prompts) > most_rows:
            raise bad(f"A request has 1 to {most_rows} prompts. Received: {len(prompts)}")
        with self._predictor.statistics.counted(served, len(prompts)):
            rows = read_items(served.runner.item_reader, prompts, self._settings.most_pixels)
            (ids,) = rows.arrays.values()
            counts = [int(count) for count in (ids >= 0).sum(axis=1)]
            options = self._with_room(writer, max(counts), options)
            try:
                steps = writer.write(ids, options)
            except (ValueError, TypeError) as error:
                raise _refused(error) from error
            yield counts
            whole = [Piece("", 0, False)] * len(prompts)
            for step in steps:
                for i, piece in step:
                    whole[i] = piece._replace(text=whole[i].text + piece.text)
                yield step
        outputs = {WrittenReader.output: as_bytes([one.text for one in whole])}
        seconds = time.perf_counter() - started
        self._predictor.note(served, rows, outputs, request_id, seconds)
        self._predictor.keep(prompts, request_id)
        for which, count in ("read", sum(counts)), ("written", sum(one.tokens for one in whole)):
            self._metrics.tokens.labels(served.name, which).inc(count)

    def _with_room(self, writer: Writer, tokens: int, options: Json) -> Json:
        """Returns the settings, with as many new tokens as there is room for where none is named.

        Raises:
            RequestRefusedError: There is no room (400).
        """
        most = min(writer.context or self._settings.most_tokens, self._settings.most_tokens)
        new = options.get("max_new_tokens", max(1, min(writer.most_new, most - tokens)))
        if tokens + new > most:
            raise RequestRefusedError(
                400,
                f"A prompt and what is written behind it have at most {most} tokens together. "
                f"Received: a prompt of {tokens} tokens, and {new} to write.",
                code="context_length_exceeded",
            )
        return {**options, "max_new_tokens": new}


def _no_prompts(served: Served) -> str:
    """Returns why a model does not go on with prompts, and what to do."""
    if isinstance(served.runner.output_reader, WrittenReader):
        return (
            f"{served.name} writes a text for each item, and goes on with no prompt: send items "
            f"to POST /predict?model={served.name}"
        )
    return f"{served.name} writes no texts: serve the save of a language model."


def _refused(error: Exception) -> RequestRefusedError:
    """Returns the refusal of a request whose settings or messages are wrong."""
    return bad(" ".join(str(error).split())[:500])
