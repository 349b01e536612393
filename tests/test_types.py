"""What a type checker makes of a user's script, after the install that the README names."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "user_script.py"


@pytest.mark.full
def test_a_user_s_script_is_checked(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.read_text("utf-8"))
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--check-untyped-defs", str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    revealed = re.findall(r'Revealed type is "(.*)"', run.stdout.replace("builtins.", ""))
    package = "transferlearn.edge.predictions"
    assert revealed == [
        f"transferlearn.fitted.model.FittedModel[{package}.ClassPrediction]",
        f"{package}.NumberPrediction",
        f"list[{package}.ClassPrediction]",
        "float",
    ]
    errors = [line for line in run.stdout.splitlines() if ": error: " in line]
    assert len(errors) == 1, run.stdout
    assert 'Unexpected keyword argument "epoch"' in errors[0]
