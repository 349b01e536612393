"""The command line: `transferlearn demo | train | predict | evaluate | backbones | cache`.

Results go to standard output, progress and warnings to standard error. Exit codes: 0 done, 1 what
was asked for could not be done, 2 the command was not understood, 130 interrupted.
"""

import argparse
import contextlib
import io
import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code."""
    options = _parser().parse_args(arguments)
    try:
        with _quiet_start():
            import keras  # noqa: F401
        with _warnings_as_lines(), contextlib.redirect_stdout(sys.stderr):
            result, text = options.run(options)
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    except (ValueError, TypeError, OSError, ImportError) as error:
        print(f"transferlearn: {_one_line(error)}", file=sys.stderr)
        return 1
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name need not be UTF-8
    try:
        print(_json(result) if options.json else text, flush=True)
    except BrokenPipeError:
        return 0
    except OSError as error:
        print(f"transferlearn: the result could not be written: {error}", file=sys.stderr)
        return 1
    return 0


def _demo(options: argparse.Namespace) -> tuple[Any, str]:
    from transferlearn import demo

    from_demo = demo.run(options.output, _say, verbose=_verbosity())
    lines = [
        f"{s['step']:<32}{s['photos']:>6} photos{s['seconds']:>8.1f} s" for s in from_demo["steps"]
    ]
    lines += [
        f"Test accuracy {from_demo['accuracy']:.3f}, majority class {from_demo['majority']:.3f}.",
        f"Saved. Try it: transferlearn predict {from_demo['model']} {from_demo['photo']}",
    ]
    return from_demo, "\n".join(lines)


def _train(options: argparse.Namespace) -> tuple[Any, str]:
    from transferlearn import Cache, ImageClassifierBuilder, heads, saving

    builder = ImageClassifierBuilder(
        options.backbone,
        weights=None if options.weights == "none" else options.weights,
        head=heads.PooledDense() if options.units is None else heads.FlattenDense(options.units),
        freeze=options.freeze,
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
        image_size=options.image_size,
        on_error=options.on_error,
        seed=options.seed,
    )
    saving.check_target(options.output)
    fitted = builder.fit(
        options.photos,
        options.validation,
        epochs=options.epochs,
        schedule=options.schedule,
        cache="auto" if options.cache is None else Cache(directory=options.cache),
        verbose=_verbosity(),
    )
    fitted.save(options.output)
    metrics = fitted.phases[-1].metrics
    result = {
        "model": str(options.output),
        "class_names": fitted.class_names,
        "metrics": metrics,
        "history": fitted.history.history,
        "skipped": [{"path": str(s.path), "reason": s.reason} for s in fitted.skipped],
    }
    figures = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
    saved = f"Saved. Use it: transferlearn predict {options.output} PHOTO"
    return result, f"{figures}\n{saved}"


def _predict(options: argparse.Namespace) -> tuple[Any, str]:
    from transferlearn import load

    found = load(options.model).predict(options.images)
    result = [
        {
            "path": p.path,
            "class_name": p.class_name,
            "probability": p.probability,
            "labels": p.labels,
            "probabilities": p.probabilities,
        }
        for p in found
    ]
    lines = [f"{p.path}\t{', '.join(p.labels) or '-'}\t{p.probability:.4f}" for p in found]
    return result, "\n".join(lines)


def _evaluate(options: argparse.Namespace) -> tuple[Any, str]:
    from transferlearn import load

    scores = load(options.model).evaluate(options.photos)
    return dict(scores), "\n".join(f"{name}\t{value:.6g}" for name, value in scores.items())


def _backbones(options: argparse.Namespace) -> tuple[Any, str]:
    from dataclasses import asdict

    from transferlearn import backbones

    table = backbones.table()
    return [asdict(row) for row in table], str(table)


def _cache(options: argparse.Namespace) -> tuple[Any, str]:
    from transferlearn import cache_command

    return cache_command.run(options.action, options.directory)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="transferlearn",
        allow_abbrev=False,
        description="Fine-tune a pretrained network on your own photos, and use what comes out.",
        epilog="First steps: 'transferlearn demo', then 'transferlearn train photos/'.",
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print the result as JSON")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=text,
            description=text,
            parents=[shared],
            allow_abbrev=False,
            formatter_class=_Help,
        )
        made.set_defaults(run=run)
        return made

    demo = command("demo", _demo, "Fine-tune on 800 photos of solar cells; takes some 2 minutes.")
    demo.add_argument("--output", type=Path, default="solar-cells", help="folder to save in")
    _add_training(
        command("train", _train, "Fine-tune on a folder with a folder of photos a class.")
    )
    predict = command("predict", _predict, "Say what photos show.")
    predict.add_argument("model", type=Path, help="what 'train' or 'demo' saved")
    predict.add_argument("images", nargs="+", type=Path, metavar="PHOTO", help="files or folders")
    evaluate = command("evaluate", _evaluate, "Score a saved model on labelled photos.")
    evaluate.add_argument("model", type=Path, help="what 'train' or 'demo' saved")
    evaluate.add_argument("photos", type=Path, help="a folder with a folder a class, or a CSV file")
    command("backbones", _backbones, "List the networks to start from.")
    cache = command("cache", _cache, "List or clear the stored output of frozen layers.")
    cache.add_argument("action", choices=("list", "clear"))
    cache.add_argument(
        "--directory", type=Path, help="by default $TRANSFERLEARN_CACHE or ~/.cache/transferlearn"
    )
    return parser


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False):
            return action.help
        return super()._get_help_string(action)


def _add_training(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "photos",
        type=Path,
        help="a folder: photos/<class>/*.jpg, or a CSV file of paths and labels",
    )
    add("--validation", type=Path, help="photos to validate on; else a fifth is held out")
    add("--output", type=Path, default="model", help="folder to save in")
    add("--backbone", default="EfficientNetLite0", help="see 'transferlearn backbones'")
    add("--weights", default="imagenet", help="'imagenet', 'none' or a weight file")
    add(
        "--units",
        type=_sizes,
        metavar="N[,N...]",
        help="hidden layers of a Flatten-Dense head, such as 128; else a pooled head",
    )
    add(
        "--freeze",
        type=_freeze,
        metavar="WHAT",
        help="'all', 'none', a layer or block, a number of layers, or a share such as 0.8",
    )
    add(
        "--schedule",
        choices=("auto", "one-phase", "probe", "fine-tune", "gradual"),
        help="auto: the head, then the last third of the backbone too, and the better of the two "
        "(by default; with --freeze, one-phase); probe: the head alone; fine-tune: then all that "
        "--freeze leaves free; gradual: block by block",
    )
    add("--epochs", type=int, help="over all phases; by default as the schedule sees fit")
    add("--learning-rate", type=float, help="by default the optimizer's own (Adam: 0.001)")
    add("--batch-size", type=int, default=32, help="photos a step")
    add(
        "--image-size", type=_image_size, metavar="HxW", help="in pixels; by default the backbone's"
    )
    add("--on-error", choices=("skip", "raise"), default="skip", help="for photos that are broken")
    add("--cache", type=Path, metavar="FOLDER", help="keep what is frozen there, for later runs")
    add("--seed", type=int, help="makes a run repeatable")


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected 128 or 256,128. Received: {text!r}") from None


def _image_size(text: str) -> tuple[int, int]:
    try:
        height, width = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected HEIGHTxWIDTH, such as 224x224. Received: {text!r}"
        ) from None
    return height, width


def _freeze(text: str) -> str | int | float:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


def _json(result: Any) -> str:
    as_null = json.loads(json.dumps(result), parse_constant=lambda _: None)  # JSON knows no NaN
    return json.dumps(as_null, ensure_ascii=False)


def _verbosity() -> int:
    """Keras's progress bar for a terminal, a line an epoch for a log."""
    return 1 if sys.stderr.isatty() else 2


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


@contextlib.contextmanager
def _warnings_as_lines() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_, **__: _say(f"warning: {message}")
        yield


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    """Silences what TensorFlow's C++ part writes to standard error while it is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


if __name__ == "__main__":
    sys.exit(main())
