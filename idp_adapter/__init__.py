"""Risk-based step-up for Keycloak: signals come in, evidence is weighed, a signed decision goes out."""

__version__ = "0.1.0"
