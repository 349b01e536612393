"""Runs the command line by `python -m transferlearn.cli`."""

import sys

from transferlearn.cli.main import main

sys.exit(main())
