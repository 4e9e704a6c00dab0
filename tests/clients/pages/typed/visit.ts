// Does what the page on TypeScript says; its types are checked as well.
import { end, mySessions } from "./sessions.ts";

const say = (what: unknown) => console.log(JSON.stringify(what));

const shown: { id: string; authMethod: string; isCurrent: boolean }[] = await mySessions();
say(shown.map(({ id, authMethod, isCurrent }) => [id, authMethod, isCurrent]));
const outcome: "ENDED" | "ALREADY_ENDED" | "NOT_FOUND" = await end(shown[1]!.id, "Lost");
say(outcome);
say(await end("session", "x".repeat(501)).catch(({ message }: Error) => message));
