"""What a phase says of itself, in words, as `fit` prints it."""


def cache_of(phase) -> str:
    """What was computed once, or why nothing was."""
    return str(phase.stored or f"nothing is stored: {phase.not_stored}")


def head_of(phase) -> str:
    """How the head was solved, or why it was not."""
    return str(
        phase.solved or (f"not solved, since {phase.not_solved}" if phase.not_solved else "")
    )
