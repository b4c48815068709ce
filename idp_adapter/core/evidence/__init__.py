"""Sources of evidence, one file each.

Each is a pure function `score(Situation) -> Evidence` in nats of log-odds: positive speaks for an impostor. A
source without data abstains with the reason why; it never guesses. `core/fusion.py` lists them all.
"""
