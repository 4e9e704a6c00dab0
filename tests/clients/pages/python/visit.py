"""Does what the page on Python says."""

import asyncio
import json
import sys

from sessions import Sessions  # type: ignore[import-not-found]  # it is on the page


async def visit(sessions: Sessions, user_id: str) -> None:
    say([one["id"] async for one in sessions.all(userId=user_id)])
    say(await sessions.end("Has left", userId=user_id))
    async for change in sessions.changes(userId=user_id):
        say([change["session"]["id"], change["status"], change["reason"]])


def say(what: object) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201  as the scripts in JavaScript do


asyncio.run(visit(Sessions(sys.argv[1], sys.argv[2]), sys.argv[3]))
