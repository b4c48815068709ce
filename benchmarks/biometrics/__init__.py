"""Biometric evaluation: data by path, protocols, measures, the literature's detectors, attacks."""
