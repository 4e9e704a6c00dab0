// What every client does here, each by its own means: list, page, end, watch, and go on after a lost connection.
import { setTimeout as sleep } from "node:timers/promises";

const [address, key] = process.argv.slice(2);
export const url = address;
export const authorization = `Bearer ${key}`;

const LIST = `query List($after: String) {
  sessions(first: 2, after: $after) { totalCount asOf nodes { id } pageInfo { hasNextPage endCursor } }
}`;
const END = `mutation End($id: ID!) { endSession(input: { id: $id, reason: "Tried" }) { outcome session { id status } } }`;
export const WATCH = `subscription Watch($after: Cursor) {
  sessionStatusChanged(after: $after) { cursor status session { id } }
}`;

const say = (what) => console.log(JSON.stringify(what));

/**
 * `execute(document, variables)` returns the data. `watch(variables, seen)` calls `seen` with the data of each
 * change, and fails when the connection is lost, unless the client itself comes back with the same variables.
 */
export async function visit({ execute, watch }) {
  const first = (await execute(LIST, {})).sessions;
  say({ listed: first.nodes.map(({ id }) => id), of: first.totalCount });
  const rest = [];
  for (let page = first; page.pageInfo.hasNextPage; ) {
    page = (await execute(LIST, { after: page.pageInfo.endCursor })).sessions;
    rest.push(page.nodes.map(({ id }) => id));
  }
  say({ paged: rest });
  const { outcome, session } = (await execute(END, { id: rest.at(-1).at(-1) })).endSession;
  say({ outcome, session: { id: session.id, status: session.status } });
  const variables = { after: first.asOf };
  const seen = ({ sessionStatusChanged: { cursor, status, session } }) => {
    variables.after = cursor;
    say({ changed: session.id, status });
  };
  process.stdin.on("end", () => process.exit(0)).resume();
  for (;;) {
    await watch(variables, seen).catch(lost);
    await sleep(20);
  }
}

export function lost() {
  say("lost");
}
