/**
 * The sessions as both peers in JavaScript serve them: resolvers over pg, with the statements of the floor,
 * prepared under a name as its documentation has it.
 */
import { readFileSync } from 'node:fs'
import { GraphQLScalarType } from 'graphql'
import pg from 'pg'

const POOL_SIZE = 10 // that of the floor
const FIELDS = `id, user_id, organization_id, status, auth_method, ip_address, user_agent, impersonator_email,
  impersonator_reason, expires_at, ended_at, created_at, updated_at`
const SNAPSHOT = `user_id, organization_id, status, auth_method, ip_address, user_agent, impersonator_email,
  impersonator_reason, expires_at, ended_at, ended_by, end_reason, created_at, updated_at`

const SESSION = `SELECT ${FIELDS} FROM session WHERE id = $1`
const EXISTS = 'SELECT FROM session WHERE id = $1'
const END = `WITH ended AS (
    UPDATE session SET status = 'revoked', ended_at = $2, updated_at = $2, ended_by = 'system', end_reason = $3
    WHERE id = $1 AND status = 'active' AND expires_at > $2 RETURNING *
  ), appended AS (
    INSERT INTO event (session_id, previous_status, occurred_at, recorded_at, ${SNAPSHOT})
    SELECT id, 'active', ended_at, $2, ${SNAPSHOT} FROM ended
  )
  SELECT id FROM ended`

export const typeDefs = readFileSync(new URL('schema.graphql', import.meta.url), 'utf8')

export const createPool = (connectionString) => new pg.Pool({ connectionString, max: POOL_SIZE })

export const createResolvers = (pool) => ({
  DateTime: new GraphQLScalarType({ name: 'DateTime', serialize: (instant) => instant.toISOString() }),
  Query: {
    session: async (_root, { id }) => (await one(pool, 'session', SESSION, [id])).rows[0],
    sessions: (_root, { filter, first, after }) => page(pool, filter ?? {}, first ?? 20, after)
  },
  Mutation: {
    endSession: async (_root, { input }) => ({ outcome: await end(pool, input.id, input.reason) })
  },
  Session: {
    object: () => 'session',
    userId: (row) => row.user_id,
    organizationId: (row) => row.organization_id,
    status: (row) => row.status.toUpperCase(),
    authMethod: (row) => row.auth_method.toUpperCase(),
    ipAddress: (row) => row.ip_address,
    userAgent: (row) => row.user_agent,
    impersonator: (row) =>
      row.impersonator_email && { email: row.impersonator_email, reason: row.impersonator_reason },
    expiresAt: (row) => row.expires_at,
    endedAt: (row) => row.ended_at,
    createdAt: (row) => row.created_at,
    updatedAt: (row) => row.updated_at
  },
  SessionEdge: { cursor: cursorOf, node: (row) => row },
  SessionConnection: { edges: (found) => found.nodes },
  PageInfo: {
    startCursor: ({ nodes }) => (nodes.length ? cursorOf(nodes[0]) : null),
    endCursor: ({ nodes }) => (nodes.length ? cursorOf(nodes.at(-1)) : null)
  }
})

/** Return a page, newest first: it starts after a key, which is found in an index. */
async function page (pool, { organizationId, userId }, first, after) {
  const values = []
  const given = (...more) => more.map((value) => `$${values.push(value)}`)
  const where = []
  if (organizationId) where.push(`organization_id = ${given(organizationId)}`)
  if (userId) where.push(`user_id = ${given(userId)}`)
  if (after) where.push(`(created_at, id) < (${given(...keyOf(after))})`)
  const sql = `SELECT ${FIELDS} FROM session ${where.length ? `WHERE ${where.join(' AND ')}` : ''}
    ORDER BY created_at DESC, id DESC LIMIT ${given(first + 1)}`
  const { rows } = await one(pool, `page ${where}`, sql, values)
  const nodes = rows.slice(0, first)
  return { nodes, pageInfo: { nodes, hasNextPage: rows.length > first, hasPreviousPage: Boolean(after) } }
}

/** End a session and append its event, both or neither. */
async function end (pool, id, reason) {
  const { rowCount } = await one(pool, 'end', END, [id, new Date(), reason])
  if (rowCount) return 'ENDED'
  const isKnown = (await one(pool, 'exists', EXISTS, [id])).rowCount
  return isKnown ? 'ALREADY_ENDED' : 'NOT_FOUND'
}

const one = (client, name, text, values) => client.query({ name, text, values })

const cursorOf = ({ created_at: createdAt, id }) =>
  Buffer.from(`${createdAt.toISOString()} ${id}`).toString('base64url')

const keyOf = (cursor) => Buffer.from(cursor, 'base64url').toString().split(' ')
