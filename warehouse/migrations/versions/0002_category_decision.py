"""Which account a person gave to a bank line: category_decision."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create it."""
    op.create_table(
        "category_decision",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("movement_key", sa.String, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("decided_by", sa.String),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.create_index("ix_category_decision_movement_key", "category_decision", ["movement_key"])
