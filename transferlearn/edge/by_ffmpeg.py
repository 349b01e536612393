"""Reads the sound of M4A files and videos by ffmpeg, where that is installed."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO

_ENDINGS = (".m4a", ".mp4", ".aac", ".mkv", ".mov", ".webm")


def is_for_ffmpeg(source: object) -> bool:
    """Returns whether a source is a file of a format that ffmpeg reads, and libsndfile does not."""
    return isinstance(source, (str, Path)) and Path(source).suffix.lower() in _ENDINGS


def by_ffmpeg(path: Path) -> IO[bytes]:
    """Returns a temporary WAV file with the first sound of a file, such as M4A or a video.

    Raises:
        ValueError: There is no such file, or no ffmpeg, or no sound in it.
    """
    if not path.is_file():
        raise ValueError("there is no such file")
    if (program := shutil.which("ffmpeg")) is None:
        raise ValueError(
            "such files are read by ffmpeg, which is not installed: get it at ffmpeg.org, or from "
            "the system's packages, or save the file as WAV"
        )
    # Some formats name other files, or places in the network, to read on from.
    only_files = ("-protocol_whitelist", "file", "-i", f"file:{path.resolve()}")
    as_wav = ("-map", "0:a:0", "-c:a", "pcm_s16le", "-f", "wav", "-")
    made: IO[bytes] = tempfile.TemporaryFile(prefix="transferlearn-")  # noqa: SIM115
    done = subprocess.run(
        [program, "-v", "error", "-nostdin", *only_files, *as_wav],
        stdout=made,
        stderr=subprocess.PIPE,
        check=False,
    )
    made.seek(0)
    if done.returncode:
        made.close()
        reason = done.stderr.decode("utf-8", "replace").strip().split("\n")[-1]
        raise ValueError(f"ffmpeg finds no sound in it: {reason:.200}")
    return made
