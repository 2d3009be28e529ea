"""One thread for linear algebra in every process of the tests, which has to be settled before anything is imported.

Threads that wait for each other spin, and both cores are taken: with two of them an embedding costs ten times the work.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
