// npm graphql-sse: everything as event streams, one connection each; it comes back by itself.
import { createClient } from "graphql-sse";
import { WATCH, authorization, lost, url, visit } from "./visit.js";

const client = createClient({
  url,
  headers: { authorization },
  retryAttempts: Infinity,
  retry: async () => {
    lost();
    await new Promise((resolve) => setTimeout(resolve, 20));
  },
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
