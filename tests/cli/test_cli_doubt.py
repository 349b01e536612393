"""`transferlearn doubt`."""

import json

from transferlearn.cli import main


def test_it_lists_all_labels_and_draws_the_most_doubtful(photos, small, tmp_path, capsys):
    plot = tmp_path / "doubts.png"
    arguments = ["doubt", str(photos), "--backbone", "Small", "--image-size", "32x32"]
    assert main([*arguments, "--plot", str(plot), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["labels"]
    assert len(rows) == 24
    doubts = [row["doubt"] for row in rows]
    assert doubts == sorted(doubts, reverse=True)
    assert {row["given"] for row in rows} == {"ant", "bee"}
    assert plot.read_bytes().startswith(b"\x89PNG")
