"""The command line: `transferlearn demo | train | predict | evaluate | suggest | ...`.

Results go to standard output, progress and warnings to standard error. Exit codes: 0 done, 1 what
was asked for could not be done, 2 the command was not understood, 130 interrupted.
"""

import contextlib
import io
import json
import logging
import os
import shlex
import sys
import warnings
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from transferlearn.cli_parser import make_parser

_DEFAULT = "EfficientNetLite0"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code."""
    options = make_parser().parse_args(arguments)
    try:
        with _quiet_start():
            import keras  # noqa: F401
        with _warnings_as_lines(), contextlib.redirect_stdout(sys.stderr):
            result, text = _COMMANDS[options.command](options)
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


def _demo(options: Namespace) -> tuple[Any, str]:
    if options.text:
        from transferlearn import demo_text

        output = options.output or Path("film-reviews")
        found = demo_text.run(output, _say, verbose=_verbosity())
        frozen, unit = f", frozen {found['frozen_accuracy']:.3f}", "reviews"
    else:
        from transferlearn import demo

        found = demo.run(options.output or Path("solar-cells"), _say, verbose=_verbosity())
        frozen, unit = "", "photos"
    lines = [f"{s['step']:<32}{s['items']:>6} {unit}{s['seconds']:>8.1f} s" for s in found["steps"]]
    majority = f"majority class {found['majority']:.3f}"
    lines += [
        f"Test accuracy {found['accuracy']:.3f}{frozen}, {majority}.",
        f"Saved. Try it: transferlearn predict {found['model']} {shlex.quote(found['try'])}",
    ]
    return found, "\n".join(lines)


def _train(options: Namespace) -> tuple[Any, str]:
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
    if held_out := fitted.outline.validation_items:
        figures += f" ({held_out:,} photos held out)"
    saved = f"Saved. Use it: transferlearn predict {options.output} PHOTO"
    return result, f"{figures}\n{saved}"


def _predict(options: Namespace) -> tuple[Any, str]:
    from transferlearn import FittedTextModel, load

    fitted, items = load(options.model), [Path(item) for item in options.items]
    is_text = isinstance(fitted, FittedTextModel) and not _are_files(options.items)
    found = fitted.predict(options.items if is_text else items)
    called = options.items if is_text else [p.path for p in found]
    result = [
        {
            "text" if is_text else "path": name,
            "class_name": p.class_name,
            "probability": p.probability,
            "labels": p.labels,
            "probabilities": p.probabilities,
        }
        for name, p in zip(called, found, strict=True)
    ]
    lines = [
        f"{name}\t{', '.join(p.labels) or '-'}\t{p.probability:.4f}"
        for name, p in zip(called, found, strict=True)
    ]
    return result, "\n".join(lines)


def _are_files(items: Sequence[str]) -> bool:
    """Whether they are files and folders, or else texts; both together are refused."""
    named = [item for item in items if _is_file(item)]
    if named and len(named) < len(items):
        raise ValueError(f"{named[0]} is a file, and other arguments are texts or not there.")
    return bool(named)


def _is_file(item: str) -> bool:
    if item.lower().endswith((".txt", ".csv", ".tsv")) and not item.isspace():
        return True
    with contextlib.suppress(OSError, ValueError):  # a long text is no name of a file
        return bool(item) and Path(item).exists()
    return False


def _evaluate(options: Namespace) -> tuple[Any, str]:
    from transferlearn import load

    scores = load(options.model).evaluate(options.photos)
    return dict(scores), "\n".join(f"{name}\t{value:.6g}" for name, value in scores.items())


def _suggest(options: Namespace) -> tuple[Any, str]:
    from transferlearn import suggest

    found = suggest(
        options.photos,
        _candidates(options),
        depths=options.depths,
        items=options.items,
        price_per_hour=options.price_per_hour,
        epochs=options.epochs,
        seed=options.seed,
        verbose=_verbosity(),
    )
    if options.plot is not None:
        found.plot(options.plot)
    best = found[0].builder
    chosen = {
        "backbone": best.backbone,
        "weights": best.weights,
        "image-size": "x".join(map(str, found[0].image_size)),
        "freeze": found[0].freeze,
        "schedule": found[0].schedule,
    }
    settings = " ".join(f"--{name} {shlex.quote(str(value))}" for name, value in chosen.items())
    hint = f"Next: transferlearn train {shlex.quote(str(options.photos))} {settings}"
    return [row.facts() for row in found], f"{found}\n{hint}"


def _candidates(options: Namespace) -> list[Any]:
    from transferlearn import ImageClassifierBuilder, backbones

    offline = [facts.name for facts in backbones.table() if facts.offline]
    sizes = options.image_sizes or [None]
    found = [
        ImageClassifierBuilder(name, weights=file or "imagenet", image_size=size)
        for name, _, file in (text.partition("=") for text in options.candidates or offline)
        for size in sizes
    ]
    if options.candidates is None and options.image_sizes is None:
        small = [(96, 96), (160, 160)]
        found += [ImageClassifierBuilder(_DEFAULT, image_size=size) for size in small]
    return found


def _backbones(options: Namespace) -> tuple[Any, str]:
    from dataclasses import asdict

    from transferlearn import backbones

    table = backbones.table()
    return [asdict(row) for row in table], str(table)


def _cache(options: Namespace) -> tuple[Any, str]:
    from transferlearn import cache_command

    return cache_command.run(options.action, options.directory)


_COMMANDS = {
    "demo": _demo,
    "train": _train,
    "predict": _predict,
    "evaluate": _evaluate,
    "suggest": _suggest,
    "backbones": _backbones,
    "cache": _cache,
}


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
