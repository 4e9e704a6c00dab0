"""From a credential to a viewer, and from a viewer to the moment when the credential holds no longer."""

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

from api.auth.ended import EndedSessions
from api.auth.keyring import KeyRing
from api.auth.keys import PREFIX
from api.auth.rules import viewer_of_open_server, viewer_of_service, viewer_of_user
from api.auth.tokens import TokenVerifier
from api.auth.viewer import Viewer
from api.feed import Feed
from api.settings import Settings
from models.bound import Bound
from models.filter import Criteria, Filter
from models.refusals import CursorExpired, Unauthenticated
from models.session import Status, utc_now


class LossReason(Enum):
    """Why a credential holds no longer."""

    SESSION_ENDED = auto()
    EXPIRED = auto()
    REVOKED = auto()


@dataclass(frozen=True, slots=True)
class Loss:
    """What became of a credential; `seq` is the event that ended the session."""

    reason: LossReason
    seq: int = 0


class Authenticator:
    """Tells who asks, for all transports."""

    def __init__(
        self,
        settings: Settings,
        *,
        feed: Feed,
        ended: EndedSessions,
        keyring: KeyRing,
        verifier: TokenVerifier | None,
    ) -> None:
        self._settings = settings
        self._feed = feed
        self._ended = ended
        self._keyring = keyring
        self._verifier = verifier

    @property
    def is_open(self) -> bool:
        """Whether there is no way to authenticate: no issuer is configured and no key was ever created."""
        return self._verifier is None and self._keyring.is_empty

    async def viewer(self, credential: str | None) -> Viewer:
        """Return who presents this API key or access token.

        Raises:
            Unauthenticated: There is none, or it does not hold.
            Unavailable: The keys to check it with cannot be had.
        """
        if credential is None:
            if self.is_open:
                return viewer_of_open_server()
            raise Unauthenticated("Send an access token or an API key as `Authorization: Bearer …`.")
        if credential.startswith(PREFIX):
            return viewer_of_service(await self._keyring.verify(credential))
        if self._verifier is None:
            raise Unauthenticated(
                "Access tokens are not accepted here: no issuer is configured. Use an API key."
            )
        token = await self._verifier.verify(credential)
        left = (token.expires_at - utc_now()).total_seconds()
        if left > self._settings.token_lifetime_limit_seconds + self._settings.token_leeway_seconds:
            raise Unauthenticated(
                f"The access token is valid for {left:.0f} s more; at most "
                f"{self._settings.token_lifetime_limit_seconds} s are accepted."
            )
        if token.session_id in self._ended:
            raise Unauthenticated("The session of this access token has ended; sign in again.")
        return viewer_of_user(token, self._settings)

    async def loss(self, viewer: Viewer) -> Loss:
        """Return when the credential of a viewer holds no longer; for ever later for one that has none."""
        ways = self._ways_to_lose(viewer)
        if len(ways) == 1:
            return await ways[0]  # each socket waits here, and a task for each way is what it costs most
        waiting = [asyncio.ensure_future(way) for way in ways]
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for way in waiting:
                way.cancel()

    def _ways_to_lose(self, viewer: Viewer) -> list[Coroutine[Any, Any, Loss]]:
        ways = []
        if viewer.expires_at is not None:
            ways.append(_expiry(viewer.expires_at))
        if viewer.session_id is not None:
            ways.append(self._session_end(viewer.session_id))
        if viewer.key is not None:
            ways.append(self._revocation(viewer))
        return ways or [_never()]

    async def _revocation(self, viewer: Viewer) -> Loss:
        assert viewer.key is not None, "asked for services with a key"  # noqa: S101
        await self._keyring.gone(viewer.key)
        return Loss(LossReason.REVOKED)

    async def _session_end(self, session_id: str) -> Loss:
        ends = Filter(ids=frozenset([session_id]), status=frozenset([Status.EXPIRED, Status.REVOKED]))
        criteria = Criteria(ends, Bound(everything=True), utc_now())
        while True:
            stream = self._feed.stream(criteria, self._feed.position)
            if session_id in self._ended:  # between the check of the token and this line
                await self._feed.refresh()
                return Loss(LossReason.SESSION_ENDED, self._feed.position)
            with suppress(CursorExpired):  # the log was replaced; who has ended by it is known by now
                async with aclosing(stream.events()) as events:
                    event = await anext(events)
                return Loss(LossReason.SESSION_ENDED, event.seq)


async def _expiry(instant: datetime) -> Loss:
    await asyncio.sleep((instant - utc_now()).total_seconds())
    return Loss(LossReason.EXPIRED)


async def _never() -> Loss:
    loss: asyncio.Future[Loss] = asyncio.get_running_loop().create_future()
    return await loss
