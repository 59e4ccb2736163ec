"""The first tables: decision, outbox, alert, switch, home."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _instant(name: str, *, nullable: bool = True, default: bool = False) -> sa.Column[datetime]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        nullable=nullable,
        server_default=sa.func.now() if default else None,
    )


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "decision",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String, nullable=False, unique=True),
        _instant("as_of", nullable=False),
        sa.Column("rule", sa.String, nullable=False),
        sa.Column("rule_version", sa.String, nullable=False),
        sa.Column("client_id", sa.String),
        sa.Column("subject", sa.String),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("reason", sa.String),
        sa.Column("inputs", sa.JSON, nullable=False),
        _instant("created_at", nullable=False, default=True),
    )
    op.create_index("ix_decision_client_id", "decision", ["client_id"])
    op.create_index("ix_decision_rule", "decision", ["rule"])
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("business_key", sa.String, nullable=False, unique=True),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("marker", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        _instant("useful_until"),
        _instant("handover_at"),
        _instant("settled_at"),
        sa.Column("attempts", sa.Integer, nullable=False),
        _instant("next_try_at"),
        sa.Column("provider_ref", sa.String),
        sa.Column("error", sa.String),
        sa.Column("decision_id", sa.Integer, sa.ForeignKey("decision.id")),
        _instant("queued_at", nullable=False),
        _instant("created_at", nullable=False, default=True),
    )
    op.create_index("ix_outbox_state", "outbox", ["state"])
    op.create_index("ix_outbox_decision_id", "outbox", ["decision_id"])
    op.create_table(
        "alert",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("dedup_key", sa.String, nullable=False),
        sa.Column("rule", sa.String, nullable=False),
        sa.Column("entity", sa.String, nullable=False),
        sa.Column("severity", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("detail", sa.String),
        _instant("opened_at", nullable=False),
        _instant("evaluated_at", nullable=False),
        _instant("resolved_at"),
        sa.Column("last_value", sa.Float),
        sa.Column("period", sa.String),
        sa.Column("acked_by", sa.String),
        _instant("silenced_until"),
        sa.Column("silence_reason", sa.String),
    )
    op.create_index(
        "alert_one_unresolved",
        "alert",
        ["dedup_key"],
        unique=True,
        sqlite_where=sa.text("state <> 'resolved'"),
        postgresql_where=sa.text("state <> 'resolved'"),
    )
    op.create_table(
        "switch",
        sa.Column("channel", sa.String, primary_key=True),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("go_live_date", sa.Date),
        _instant("set_at", nullable=False),
    )
    op.create_table(
        "home",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        _instant("created_at", nullable=False),
    )
