"""Damaged files for every format that is read: the answer to each must be a result or one sentence.

    python -m tools.fuzz --seconds 60                     # a minute
    python -m tools.fuzz --inputs 1000000 --out out/fuzz  # a million; started again it goes on
    python -m tools.fuzz --only 4711 --out out/fuzz       # one input again; the damaged file is kept

`subjects` has the formats, `damage` what happens to them, `worker` reads them, `run` watches over it.
Input k of seed s is the same on every machine.
"""
