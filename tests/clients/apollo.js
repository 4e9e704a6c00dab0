// npm @apollo/client: queries and mutations over HTTP, subscriptions over a WebSocket.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client/core";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";
import { WATCH, authorization, url, visit } from "./visit.js";

const sockets = createClient({
  url: url.replace("http", "ws"),
  connectionParams: { authorization },
  retryAttempts: 0,
});
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(sockets),
    new HttpLink({ uri: url, headers: { authorization } }),
  ),
});

async function execute(document, variables) {
  const parsed = gql(document);
  const result = await (parsed.definitions[0].operation === "mutation"
    ? client.mutate({ mutation: parsed, variables })
    : client.query({ query: parsed, variables }));
  return result.data;
}

const watch = (variables, seen) =>
  new Promise((complete, error) => {
    client.subscribe({ query: gql(WATCH), variables: { ...variables } }).subscribe({
      next: ({ data, error: refusal }) => (refusal ? error(refusal) : seen(data)),
      error,
      complete,
    });
  });

await visit({ execute, watch });
