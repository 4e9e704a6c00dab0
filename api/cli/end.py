"""`sessiongraph end`: end sessions by their ids, or all that match."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

import typer

from api.cli.calling import server, session_filter
from api.cli.composing import composed
from api.cli.exit_codes import ExitCode
from api.cli.output import plain, progress_bar
from api.client.documents import COUNT, CURRENT, END_MANY, END_ONE
from api.client.endpoint import Endpoint
from models.refusals import Forbidden, Refusal, Unauthenticated, Unavailable

BATCH = 1000
"""How many sessions one call ends: the progress is seen, and no call takes long."""
SEVERAL = 20
"""With more ids there is a progress bar."""
OUTCOMES = {"ENDED": "ended", "ALREADY_ENDED": "had ended before"}
REFUSED = "refused"


@composed(selected=session_filter, endpoint=server)
def end(
    *,
    endpoint: Endpoint,
    selected: dict[str, Any],
    given: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="The sessions to end.", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="End every session that you may end.")] = False,
    spared: Annotated[
        list[str] | None,
        typer.Option("--except", help="Spare this session; repeat it for more.", show_default=False),
    ] = None,
    except_current: Annotated[
        bool, typer.Option("--except-current", help="Spare the session of the access token.")
    ] = False,
    reason: Annotated[str | None, typer.Option(help="Why; it is kept.", show_default=False)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many, and end none.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """End sessions by their ids, or all active ones that match.

    Those that match are counted first, and you are asked; where nobody can be asked, say --yes. What was
    ended before stays as it was, so it is safe to repeat. An id that is unknown, or that you may not end, is
    refused, and the rest is ended.

    Example: sessiongraph end --user user_01E4ZCR3C56J083X43JQXF3JK5 --reason "Lost phone"
    """
    with endpoint:
        if given:
            if selected or everything or spared or except_current or dry_run:
                raise ValueError("Give ids, or conditions and what goes with them; not both.")
            if _end_each(endpoint, given, reason):
                raise typer.Exit(ExitCode.REFUSED)
            return
        if bool(selected) == everything:
            raise ValueError("Say which: ids, or conditions such as --user, or --all.")
        meant = _Meant(
            endpoint, {**selected, "status": ["ACTIVE"]}, _spared(endpoint, spared, current=except_current)
        )
        if dry_run:
            typer.echo(f"would end {meant.count()}")
        elif yes or _is_agreed(meant.count()):
            meant.end(reason)
        else:
            typer.echo("sessiongraph: Nothing was ended.", err=True)
            raise typer.Exit(ExitCode.REFUSED)


def _end_each(endpoint: Endpoint, ids: Sequence[str], reason: str | None) -> int:
    """Return how many were refused."""
    tally = dict.fromkeys((*OUTCOMES, REFUSED), 0)
    bar = progress_bar("sessions", is_shown=len(ids) > SEVERAL)
    try:
        with bar:
            for session_id in bar.track(ids, description=""):
                tally[_outcome(endpoint, session_id, reason)] += 1
    finally:
        typer.echo(", ".join(f"{OUTCOMES.get(name, name)} {count}" for name, count in tally.items()))
    return tally[REFUSED]


def _outcome(endpoint: Endpoint, session_id: str, reason: str | None) -> str:
    try:
        answer = endpoint.execute(END_ONE, input={"id": session_id, "reason": reason})
        outcome: str = answer["endSession"]["outcome"]
        problem = "There is no such session, or none that you may see."
    except (Unauthenticated, Unavailable):
        raise  # it is not about this one
    except Refusal as refusal:
        outcome, problem = REFUSED, str(refusal)
    if outcome in OUTCOMES:
        return outcome
    typer.echo(f"sessiongraph: {plain(session_id)}: {problem}", err=True)
    return REFUSED


class _Meant:
    """The active sessions that match, but for those that are spared."""

    def __init__(self, endpoint: Endpoint, criteria: dict[str, Any], spared: list[str]) -> None:
        self._endpoint = endpoint
        self._criteria = criteria
        self._spared = spared

    def count(self) -> int:
        """Return how many there are now, of those that may be seen."""
        counted = self._counted(self._criteria)
        return counted - self._counted({**self._criteria, "ids": self._spared}) if self._spared else counted

    def end(self, reason: str | None) -> None:
        """End them all, a part after the other; say how many they were, whatever comes between."""
        given = {"filter": self._criteria, "except": self._spared, "reason": reason, "limit": BATCH}
        ended, has_more = 0, True
        bar = progress_bar("sessions")
        task = bar.add_task("", total=None if bar.disable else self._total())
        try:
            with bar:
                while has_more:
                    answer = self._endpoint.execute(END_MANY, input=given)["endSessions"]
                    ended, has_more = ended + answer["endedCount"], answer["hasMore"]
                    bar.update(task, completed=ended)
        finally:
            typer.echo(f"ended {ended}")

    def _total(self) -> int | None:
        with suppress(Forbidden):  # who ends may not be allowed to see
            return self.count()
        return None

    def _counted(self, criteria: dict[str, Any]) -> int:
        (group,) = self._endpoint.execute(COUNT, filter=criteria)["sessionCounts"]
        count: int = group["count"]
        return count


def _spared(endpoint: Endpoint, ids: list[str] | None, *, current: bool) -> list[str]:
    spared = list(ids or [])
    if current:
        session = endpoint.execute(CURRENT)["viewer"]["session"]
        if session is None:
            raise ValueError("--except-current is for access tokens; a key has no session of its own.")
        spared.append(session["id"])
    return spared


def _is_agreed(count: int) -> bool:
    """Ask.

    Raises:
        ValueError: There is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise ValueError(f"This would end {count} sessions; say --yes, as nobody can be asked here.")
    return typer.confirm(f"End {count} sessions?", err=True)
