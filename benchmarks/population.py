"""A million sessions in an empty database, made by the database itself."""

from datetime import UTC, datetime, timedelta

import asyncpg
from sqlalchemy import text

from models.database import Database
from models.engine import dsn
from models.migrations import migrate

START = datetime(2020, 1, 1, tzinfo=UTC)
PER_SECOND = 3
PER_USER = 20
ORGANIZATIONS = 1_000
LARGE_ORGANIZATION = ORGANIZATIONS
"""On PostgreSQL, every tenth session is in this one, and active."""

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
SESSIONS_ON_POSTGRESQL = f"""\
INSERT INTO session (
  id, user_id, organization_id, status, auth_method, ip_address, user_agent,
  expires_at, ended_at, ended_by, created_at, updated_at
)
SELECT
  'session_' || lpad(i::text, 26, '0'),
  'user_' || lpad((i * 7919 % ($1::bigint / {PER_USER}))::text, 26, '0'),
  CASE
    WHEN i % 10 = 1 THEN 'org_' || lpad('{LARGE_ORGANIZATION}', 26, '0')
    WHEN i % 3 <> 0 THEN 'org_' || lpad((i % {ORGANIZATIONS})::text, 26, '0')
  END,
  CASE WHEN i % 2 = 1 THEN 'active' ELSE 'revoked' END,
  (ARRAY['password', 'sso', 'oauth', 'passkey'])[i % 4 + 1],
  format('192.0.%s.%s', i / 256 % 256, i % 256),
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36',
  at + interval '79 years',
  CASE WHEN i % 2 = 0 THEN at + interval '60 s' END,
  CASE WHEN i % 2 = 0 THEN 'user' END,
  at,
  CASE WHEN i % 2 = 1 THEN at ELSE at + interval '60 s' END
FROM (
  SELECT i, $2::timestamptz + make_interval(secs => i / {PER_SECOND})
  FROM generate_series(0, $1::bigint - 1) AS i
) AS n(i, at)
"""  # noqa: S608  our own numbers
INDEXES_ON_POSTGRESQL = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'session' AND indexname <> 'session_pkey'"
)


async def populate(url: str, size: int) -> None:
    """Make the tables and so many sessions, a multiple of 20; they are not in the log.

    The indexes are made last, which takes a fifth of the time.
    """
    database = Database(url)
    await migrate(database)
    if not database.is_sqlite:
        await _populate_postgresql(dsn(database.url), size)
        await database.close()
        return
    async with database.administer() as connection:
        indexes = (await connection.execute(text(INDEXES))).all()
        for name, _definition in indexes:
            await connection.execute(text(f"DROP INDEX {name}"))
        await connection.execute(text(SESSIONS), {"size": size, "start": int(START.timestamp())})
        for _name, definition in indexes:
            await connection.execute(text(definition))
        await connection.execute(text("ANALYZE"))
    await database.close()


async def _populate_postgresql(url: str, size: int) -> None:
    connection = await asyncpg.connect(url)
    indexes = await connection.fetch(INDEXES_ON_POSTGRESQL)
    for name, _definition in indexes:
        await connection.execute(f"DROP INDEX {name}")
    await connection.execute(SESSIONS_ON_POSTGRESQL, size, START)
    for _name, definition in indexes:
        await connection.execute(definition)
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    await connection.close()


def session_id(number: int) -> str:
    return f"session_{number:026d}"


def user_id(number: int) -> str:
    return f"user_{number:026d}"


def organization_id(number: int) -> str:
    return f"org_{number:026d}"


def created_at(number: int) -> datetime:
    """Return when the session of this number was created."""
    return START + timedelta(seconds=number // PER_SECOND)
