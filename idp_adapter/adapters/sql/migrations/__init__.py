"""Alembic's migrations, inside the package, so that an installed service migrates its own database."""
