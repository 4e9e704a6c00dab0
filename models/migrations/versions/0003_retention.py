"""What the retention needs: the ended sessions by age, and what is left of those that were removed."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    has_ended = sa.text("ended_at IS NOT NULL")
    op.create_index(
        "session_ended", "session", ["ended_at", "id"], sqlite_where=has_ended, postgresql_where=has_ended
    )
    op.create_table(
        "tombstone",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
    )
    op.create_index("tombstone_by_expiry", "tombstone", ["expires_at"])
