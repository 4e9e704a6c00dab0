/**
 * Mercurius on Fastify, with graphql-jit: node mercurius.js DATABASE_URL PORT
 *
 * It keeps parsed and validated documents by default, 1,024 of them; the JIT is off by default. With `jit: 1`
 * a document is compiled when it comes a second time.
 */
import Fastify from 'fastify'
import mercurius from 'mercurius'
import { createPool, createResolvers, typeDefs } from './sessions.js'

const [url, port] = process.argv.slice(2)
const app = Fastify()
app.register(mercurius, { schema: typeDefs, resolvers: createResolvers(createPool(url)), jit: 1 })
await app.listen({ host: '127.0.0.1', port: Number(port) })
