import os

# Two processes of tests share two cores. Threads of BLAS that wait for each other would take a
# fifth of the time of those tests that solve heads. NumPy reads this when it is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
