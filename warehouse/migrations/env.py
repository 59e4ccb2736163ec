"""Run by alembic: applies the migrations on the connection that `warehouse.ledger` hands over."""

from alembic import context
from sqlmodel import SQLModel

import warehouse.ledger_tables

assert warehouse.ledger_tables  # noqa: S101 - imported so that the tables are known
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
