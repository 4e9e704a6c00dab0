// Prints the outcome of every audit of a GraphQL server over HTTP.
import { serverAudits } from "graphql-http";

const outcomes = [];
for (const audit of serverAudits({ url: process.argv[2], fetchFn: fetch })) {
  const { id, name, status, reason } = await audit.fn();
  outcomes.push({ id, name, status, reason });
}
console.log(JSON.stringify(outcomes));
