/**
 * GraphQL Yoga on Node's own HTTP server: node yoga.js DATABASE_URL PORT
 *
 * It keeps parsed and validated documents by default, and masks faults.
 */
import { createServer } from 'node:http'
import { createSchema, createYoga } from 'graphql-yoga'
import { createPool, createResolvers, typeDefs } from './sessions.js'

const [url, port] = process.argv.slice(2)
const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers: createResolvers(createPool(url)) }) })
createServer(yoga).listen(Number(port), '127.0.0.1')
