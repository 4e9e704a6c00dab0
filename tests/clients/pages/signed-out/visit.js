// Does what the recipes of a page say, one for each line of standard input.
import { createInterface } from "node:readline";
import { say } from "./config.js";
import { signOutEverywhereElse, viewer, watch } from "./sessions.js";

let me;
const recipes = {
  async list() {
    me = await viewer();
    say({ sessions: me.sessions.nodes.map(({ id, isCurrent }) => ({ id, isCurrent })) });
  },
  async others() {
    say({ ended: await signOutEverywhereElse(me) });
  },
  async watch() {
    watch(me);
  },
};
for await (const line of createInterface(process.stdin)) {
  await recipes[line]().catch(({ message }) => say({ error: message }));
}
process.exit(0);
