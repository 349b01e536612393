"""Shows how far long work has come: as one bar in a terminal, as lines of a log elsewhere."""

from transferlearn.progress.showing import as_verbosity as as_verbosity
from transferlearn.progress.showing import current as current
from transferlearn.progress.showing import obeys_verbose as obeys_verbose
from transferlearn.progress.showing import stage as stage
from transferlearn.progress.showing import working as working
from transferlearn.progress.work import Stage as Stage
from transferlearn.progress.work import Work as Work
from transferlearn.progress.work import figures as figures
