"""Orchestration: load, think (one core call), save. No framework, no SQL text, no HTTP, no threshold numbers."""
