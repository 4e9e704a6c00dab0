// npm graphql-ws: everything over one WebSocket; it comes back by itself.
import { createClient } from "graphql-ws";
import { WATCH, authorization, lost, url, visit } from "./visit.js";

const client = createClient({
  url: url.replace("http", "ws"),
  connectionParams: { authorization },
  retryAttempts: Infinity,
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 20)),
  shouldRetry: () => true,
  on: { closed: ({ wasClean }) => wasClean || lost() },
});

async function execute(query, variables) {
  for await (const { data, errors } of client.iterate({ query, variables })) {
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  }
}

const watch = (variables, seen) =>
  new Promise((complete, error) => {
    client.subscribe({ query: WATCH, variables }, { next: ({ data }) => seen(data), error, complete });
  });

await visit({ execute, watch });
