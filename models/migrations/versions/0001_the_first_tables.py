"""The first tables: sessions, the log and its state."""

import secrets

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "session",
        sa.Column("id", sa.String(), primary_key=True),
        *_snapshot(),
    )
    op.create_index("session_by_age", "session", ["created_at", "id"])
    op.create_index("session_by_user", "session", ["user_id", "created_at", "id"])
    _create_partial_index(
        "session_by_organization",
        "session",
        ["organization_id", "created_at", "id"],
        where="organization_id IS NOT NULL",
    )
    _create_partial_index(
        "session_by_impersonator",
        "session",
        ["impersonator_email", "created_at", "id"],
        where="impersonator_email IS NOT NULL",
    )
    _create_partial_index("session_due", "session", ["expires_at", "id"], where="status = 'active'")

    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("seq", sa.BigInteger(), unique=True),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("previous_status", sa.String()),
        sa.Column("occurred_at", UTCDateTime(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        *_snapshot(),
    )
    op.create_index("event_of_session", "event", ["session_id"])
    _create_partial_index("event_pending", "event", ["id"], where="seq IS NULL")

    feed = op.create_table(
        "feed",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("pruned_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name="feed_is_one_row"),
    )
    epoch = secrets.token_hex(8)
    op.bulk_insert(feed, [{"id": 1, "epoch": epoch, "pruned_seq": 0, "last_seq": 0}])


def _snapshot() -> list[sa.Column[object]]:
    return [
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("organization_id", sa.String()),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("auth_method", sa.String(), nullable=False),
        sa.Column("ip_address", sa.String()),
        sa.Column("user_agent", sa.String()),
        sa.Column("impersonator_email", sa.String()),
        sa.Column("impersonator_reason", sa.String()),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime()),
        sa.Column("ended_by", sa.String()),
        sa.Column("end_reason", sa.String()),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
    ]


def _create_partial_index(name: str, table: str, columns: list[str], *, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
