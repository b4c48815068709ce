"""Measurements: each module prints its table, and with `--json` its figures. Loopback only."""
