"""A million sessions in an empty SQLite database, made by the database itself."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from models.database import Database
from models.migrations import migrate

START = datetime(2020, 1, 1, tzinfo=UTC)
PER_SECOND = 3
PER_USER = 20
ORGANIZATIONS = 1_000

# Of every three sessions two are in an organization; of every two one is active.
SESSIONS = f"""\
INSERT INTO session (
  id, user_id, organization_id, status, auth_method, ip_address, user_agent,
  expires_at, ended_at, ended_by, created_at, updated_at
)
WITH RECURSIVE n(i, at) AS (
  SELECT 0, :start UNION ALL SELECT i + 1, :start + (i + 1) / {PER_SECOND} FROM n WHERE i + 1 < :size
)
SELECT
  printf('session_%026d', i),
  printf('user_%026d', i * 7919 % (:size / {PER_USER})),
  CASE WHEN i % 3 THEN printf('org_%026d', i % {ORGANIZATIONS}) END,
  CASE WHEN i % 2 THEN 'active' ELSE 'revoked' END,
  CASE i % 4 WHEN 0 THEN 'password' WHEN 1 THEN 'sso' WHEN 2 THEN 'oauth' ELSE 'passkey' END,
  printf('192.0.%d.%d', i / 256 % 256, i % 256),
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36',
  '2099-01-01 00:00:00.000000',
  CASE WHEN i % 2 = 0 THEN strftime('%Y-%m-%d %H:%M:%S.000000', at + 60, 'unixepoch') END,
  CASE WHEN i % 2 = 0 THEN 'user' END,
  strftime('%Y-%m-%d %H:%M:%S.000000', at, 'unixepoch'),
  strftime('%Y-%m-%d %H:%M:%S.000000', CASE WHEN i % 2 THEN at ELSE at + 60 END, 'unixepoch')
FROM n
"""  # noqa: S608  our own numbers
INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'session' AND sql NOT NULL"


async def populate(url: str, size: int) -> None:
    """Make the tables and so many sessions, a multiple of 20; they are not in the log.

    The indexes are made last, which takes a fifth of the time.
    """
    database = Database(url)
    await migrate(database)
    async with database.administer() as connection:
        indexes = (await connection.execute(text(INDEXES))).all()
        for name, _definition in indexes:
            await connection.execute(text(f"DROP INDEX {name}"))
        await connection.execute(text(SESSIONS), {"size": size, "start": int(START.timestamp())})
        for _name, definition in indexes:
            await connection.execute(text(definition))
        await connection.execute(text("ANALYZE"))
    await database.close()


def session_id(number: int) -> str:
    return f"session_{number:026d}"


def user_id(number: int) -> str:
    return f"user_{number:026d}"


def organization_id(number: int) -> str:
    return f"org_{number:026d}"


def created_at(number: int) -> datetime:
    """Return when the session of this number was created."""
    return START + timedelta(seconds=number // PER_SECOND)
