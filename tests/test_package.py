"""Importing costs nothing and reaches for nothing."""

import subprocess
import sys

import pytest

import transferlearn

pytestmark = pytest.mark.core


def test_importing_loads_no_framework_and_opens_no_socket():
    code = (
        "import socket, sys\n"
        "def refuse(*_, **__): raise AssertionError('a socket')\n"
        "socket.socket = refuse\n"
        "import transferlearn\n"
        "assert not {'keras', 'tensorflow', 'jax', 'PIL'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_is_there():
    for name in transferlearn.__all__:
        assert getattr(transferlearn, name) is not None
    assert set(transferlearn.__all__) <= set(dir(transferlearn))
    with pytest.raises(AttributeError, match="nothing"):
        _ = transferlearn.nothing


def test_files_are_short():
    from pathlib import Path

    files = Path(transferlearn.__file__).parent.rglob("*.py")
    long = [file.name for file in files if len(file.read_text("utf-8").splitlines()) > 300]
    assert not long
