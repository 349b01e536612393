"""`transferlearn extract`, which writes the line that trains on it."""

import json

from transferlearn.cli import main


def test_the_command_stores_what_the_same_options_find(photos, tmp_path, capsys):
    options = [str(photos), "--cache", str(tmp_path), "--image-size", "32x32", "--schedule"]
    assert main(["extract", *options, "probe"]) == 0
    said = capsys.readouterr().out
    assert f"Next: transferlearn train {' '.join(options)} probe" in said
    assert main(["extract", *options, "probe", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["computed"] == 0
