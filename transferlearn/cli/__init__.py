"""Offers the command line: `transferlearn demo | train | predict | evaluate | suggest | ...`."""

from transferlearn.cli.main import main as main
