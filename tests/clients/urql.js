// npm @urql/core: queries and mutations over HTTP, subscriptions as server-sent events.
import { Client, fetchExchange } from "@urql/core";
import { WATCH, authorization, url, visit } from "./visit.js";

const client = new Client({
  url,
  exchanges: [fetchExchange],
  fetchOptions: { headers: { authorization } },
  fetchSubscriptions: true,
  preferGetMethod: false,
});

async function execute(document, variables) {
  const isMutation = document.startsWith("mutation");
  const { data, error } = await (isMutation ? client.mutation(document, variables) : client.query(document, variables));
  if (error) throw error;
  return data;
}

const watch = (variables, seen) =>
  new Promise((resolve, reject) => {
    const { unsubscribe } = client.subscription(WATCH, { ...variables }).subscribe(({ data, error, hasNext }) => {
      if (error || !data) {
        unsubscribe();
        reject(error);
      } else {
        seen(data);
        if (!hasNext) resolve();
      }
    });
  });

await visit({ execute, watch });
