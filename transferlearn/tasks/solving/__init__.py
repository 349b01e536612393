"""Solves a head's Dense layer on stored features, and says how well it does by cross-validation."""

from transferlearn.tasks.solving.logistic import LogisticSolver as LogisticSolver
from transferlearn.tasks.solving.ridge import RidgeSolver as RidgeSolver
from transferlearn.tasks.solving.solver import SolvedLayer as SolvedLayer
from transferlearn.tasks.solving.solver import Solver as Solver
