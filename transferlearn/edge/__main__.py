"""Predicts in a shell: `python -m transferlearn.edge flowers-onnx photo.jpg`."""

import argparse
import contextlib
import sys
from pathlib import Path

from transferlearn.edge.runner import Runner
from transferlearn.edge.transcripts import Transcript
from transferlearn.tables import visible

_OUTPUT = "where masks or pictures go: a new folder, a .png file for one photo, or a .json file"


def main() -> int:
    """Predicts on files or texts, and prints a line for each; bad files among them are named."""
    parser = argparse.ArgumentParser(prog="python -m transferlearn.edge", description=main.__doc__)
    parser.add_argument("folder", help="what transferlearn export wrote")
    parser.add_argument("items", nargs="+", metavar="ITEM", help="files, or texts")
    parser.add_argument("--output", type=Path, help=_OUTPUT)
    parser.add_argument("--tile", type=int, help="the side of tiles of large photos, in pixels")
    parser.add_argument("--windows", type=float, help="the length of windows of recordings, in s")
    parser.add_argument("--hop", type=float, help="the seconds from one window to the next")
    parser.add_argument(
        "--format",
        choices=("text", "srt", "vtt"),
        default="text",
        help="of what is said in recordings: plain text, or subtitles with times",
    )
    options = parser.parse_args()
    items = [_item(word) for word in options.items]
    try:
        runner = Runner(options.folder)
        listed = runner.item_reader.listed(items)
        if options.output is not None:
            runner.output_reader.check_place(options.output, len(listed))
        answers: list[tuple[object, object]] = []
        broken = False
        for item in listed:
            try:
                answers += [(item, one) for one in _answered(runner, item, options)]
            except ValueError as error:  # one broken photo must not cost the answers for others
                _complain(error)
                broken = True
        if options.output is not None and answers:
            found = [prediction for _, prediction in answers]
            runner.output_reader.write_predictions(found, options.output)
    except (OSError, ValueError, ImportError) as error:
        _complain(error)
        return 1
    lines = [_line(item, answer, options.format) for item, answer in answers]
    with contextlib.suppress(BrokenPipeError):  # the reader, such as `head`, has seen enough
        print("".join(lines), end="", flush=True)
    return int(broken)


def _answered(runner: Runner, item: object, options: argparse.Namespace) -> list[object]:
    """Returns the answer to an item, or several of a long recording: what is said, if need be."""
    if runner.transcriber is not None:
        return [runner.transcribe(item)]
    found = runner.predict(item, tile=options.tile, windows=options.windows, hop=options.hop)
    return found if isinstance(found, list) else [found]


def _line(item: object, answer: object, form: str) -> str:
    """Returns an item with its answer; of recordings the subtitles, if these are asked for."""
    if isinstance(answer, Transcript) and form != "text":
        return answer.srt() if form == "srt" else answer.vtt()
    return f"{visible(str(item))}\t{answer}\n"


def _complain(error: Exception) -> None:
    """Writes what went wrong to standard error, in one line."""
    print(f"transferlearn.edge: {visible(' '.join(str(error).split()))}", file=sys.stderr)


def _item(word: str) -> str | Path:
    """Returns the path of a file or folder that is there, else the word itself: a text."""
    with contextlib.suppress(OSError, ValueError):  # a long text is no name of a file
        if Path(word).exists():
            return Path(word)
    return word


if __name__ == "__main__":
    raise SystemExit(main())
