"""The root of mutations; each is safe to repeat."""

from typing import Annotated

import strawberry

from api.context import Context, Info
from api.enums import EndSessionOutcome
from api.inputs import (
    END_LIMIT,
    CreateSessionInput,
    EndSessionInput,
    EndSessionsInput,
    to_filter,
    to_ids,
    to_text,
)
from api.payloads import CreateSessionPayload, EndSessionPayload, EndSessionsPayload
from api.types import Session
from models.changes import (
    Ending,
    EndOutcome,
    NewSession,
    create_session,
    end_session,
    end_sessions,
    has_active,
)
from models.filter import Criteria
from models.refusals import BadUserInput, Forbidden
from models.session import REASON_LIMIT, USER_AGENT_LIMIT, AuthMethod, is_session_id, utc_now


@strawberry.type(description="What can be changed. Every mutation is safe to repeat.")
class Mutation:
    """See the description."""

    @strawberry.mutation(
        description="Record a sign-in; for services only. With an `id`, creating twice is one session."
    )
    async def create_session(
        self,
        info: Info,
        input: Annotated[  # noqa: A002
            CreateSessionInput, strawberry.argument(description="What the sign-in creates.")
        ],
    ) -> CreateSessionPayload:
        context, now = info.context, utc_now()
        creatable = context.viewer.creatable
        if creatable.is_nothing:
            raise Forbidden("Only a service with the scope `sessions:create` may create sessions.")
        if input.expires_at <= now:
            raise BadUserInput("`input.expiresAt` is in the past; a session must begin active.")
        new = _new_session(input)
        if not creatable.covers(new.user_id, new.organization_id):
            raise Forbidden(
                f"Your API key may create sessions in the organization {creatable.organization_id} only."
            )
        async with context.database.write() as tx:
            row, created = await create_session(tx, new, now)
        session = Session.from_row(row, context, context.database.stored(utc_now()))
        return CreateSessionPayload(session=session, created=created)

    @strawberry.mutation(
        description="End one session. Ending is idempotent, and the outcome says what happened."
    )
    async def end_session(
        self,
        info: Info,
        input: Annotated[  # noqa: A002
            EndSessionInput, strawberry.argument(description="Which session to end, and why.")
        ],
    ) -> EndSessionPayload:
        context = info.context
        ending = _ending(context, input.reason)
        endable = context.endable
        if not is_session_id(input.id):
            return EndSessionPayload(outcome=EndSessionOutcome.NOT_FOUND, session=None)
        outcome, row = await end_session(
            context.database, input.id, ending, readable=context.viewer.readable, endable=endable
        )
        if outcome is EndOutcome.ENDED:
            context.ended.add(input.id)
        now = context.database.stored(ending.now)
        session = None if row is None else Session.from_row(row, context, now)
        return EndSessionPayload(outcome=EndSessionOutcome(outcome.value), session=session)

    @strawberry.mutation(
        description="End the active sessions that match, oldest first and at most `limit` in one call. "
        "A call that fails may have ended some of them; repeat it to end the rest."
    )
    async def end_sessions(
        self,
        info: Info,
        input: Annotated[  # noqa: A002
            EndSessionsInput, strawberry.argument(description="Which sessions to end, and why.")
        ],
    ) -> EndSessionsPayload:
        context = info.context
        ending = _ending(context, input.reason)
        criteria = Criteria(to_filter(input.filter, argument="input.filter"), context.endable, utc_now())
        if criteria.filter.is_empty:
            raise BadUserInput(
                "`input.filter` is empty; to end every session that you may end, say {status: [ACTIVE]}."
            )
        if not 1 <= input.limit <= END_LIMIT:
            raise BadUserInput(f"`input.limit` is {input.limit}; it takes 1 to {END_LIMIT:,}.")
        sparing = to_ids(input.except_, argument="input.except") or []
        if input.except_current:
            if context.viewer.session_id is None:
                raise BadUserInput("`input.exceptCurrent` is for users; a service has no session of its own.")
            sparing.append(context.viewer.session_id)
        ended_count = 0
        async for ids in end_sessions(context.database, criteria, ending, sparing=sparing, limit=input.limit):
            ended_count += len(ids)
            for session_id in ids:
                context.ended.add(session_id)
        has_more = await has_active(context.database, criteria, sparing=sparing)
        return EndSessionsPayload(ended_count=ended_count, has_more=has_more)


def _ending(context: Context, reason: str | None) -> Ending:
    return Ending(
        by=context.viewer.ends_as,
        user_id=context.viewer.ends_own_as_user,
        reason=to_text(reason, argument="input.reason", limit=REASON_LIMIT),
        now=utc_now(),
    )


def _new_session(given: CreateSessionInput) -> NewSession:
    if given.id is not None and not is_session_id(given.id):
        raise BadUserInput(
            "`input.id` is not `session_` and a ULID of 26 characters; leave it out to have one made."
        )
    impersonator = given.impersonator
    email = reason = None
    if impersonator is not None:
        email = to_text(impersonator.email, argument="input.impersonator.email")
        reason = to_text(impersonator.reason, argument="input.impersonator.reason", limit=REASON_LIMIT)
    user_id = to_text(given.user_id, argument="input.userId")
    assert user_id is not None, "the schema requires it"  # noqa: S101
    return NewSession(
        id=given.id,
        user_id=user_id,
        organization_id=to_text(given.organization_id, argument="input.organizationId"),
        auth_method=AuthMethod[given.auth_method.name].value,
        ip_address=to_text(given.ip_address, argument="input.ipAddress"),
        user_agent=to_text(given.user_agent, argument="input.userAgent", limit=USER_AGENT_LIMIT),
        impersonator_email=email,
        impersonator_reason=reason,
        expires_at=given.expires_at,
    )
