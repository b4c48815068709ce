"""The HTTP face: AuthZEN for enforcers, probes and metrics for operators."""
