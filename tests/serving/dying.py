"""Processes that say that they are ready, and die or stay."""

import os
import time


def say_and_die(say):
    """Stands for a process of a server that dies."""
    say.send(["colours 1"])
    say.close()
    os._exit(7)


def say_and_stay(say):
    """Stands for a process of a server that answers."""
    say.send(["colours 1"])
    time.sleep(300)
