"""What to start from, what a run will take, which rate to train at, and what to change."""
