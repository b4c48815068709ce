"""Synthetic login histories: honest people and attackers, put through the real service.

    python -m benchmarks.population [--seed N] [--subjects N] [--json] [--plot FILE]

Everything here is made up: no login of a real person is in it. What a figure of it says is how the service treats
*these* people; `people.KINDS` and `attackers.KINDS` are the assumptions, each with its share. Decisions, learning and
the store are the service's own (`house`); a map of made-up networks stands in for files of places and feeds.
"""
