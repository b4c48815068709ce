"""Alembic's environment: runs on the connection and in the transaction that `opening.migrate` hands over."""

from alembic import context

from idp_adapter.adapters.sql import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    transactional_ddl=True,  # SQLite too: a migration that fails leaves nothing behind
)
with context.begin_transaction():
    context.run_migrations()
