"""What viewers and addresses may spend: so much a second, and what they have saved up.

It is kept in memory and for this node alone: behind n nodes one may spend n times as much.
"""

import time
from collections.abc import Callable
from math import ceil
from typing import NamedTuple

from graphql import GraphQLError
from pydantic import BaseModel, Field

from api.auth.viewer import Viewer
from api.places import name_of
from models.refusals import LimitExceeded

SAVED_SECONDS = 10
"""For how many seconds one can save up: the burst that is allowed."""
SPENDERS_LIMIT = 10_000
"""How many spenders are remembered; of more, those that have not spent for longest start anew."""
CHARACTERS_PER_NODE = 16
"""How much of a document that is not known yet is prepared for the price of a node."""


class Rates(BaseModel):
    """How much may be spent on one node of the service."""

    viewer_rate: int = Field(
        default=10_000,
        ge=0,
        description="What the operations of one viewer may cost on one node of the service, in nodes of "
        "answers a second; up to 10 seconds of it can be saved up. A document that is not known yet costs 1 "
        "more for each 16 characters. 0 is no limit.",
    )
    address_rate: int = Field(
        default=20_000,
        ge=0,
        description="Likewise for all who call from one address; of IPv6, from one /64. 0 is no limit.",
    )


class Budget:
    """A budget for each spender: a token bucket, as the one instant at which it will be full again.

    One that has anything left may spend more than that, once, and then waits for longer.
    """

    def __init__(
        self, rate: int, *, spenders_limit: int = SPENDERS_LIMIT, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self._spenders_limit = spenders_limit
        self._now = now
        self._full_at: dict[str, float] = {}

    def wait_seconds(self, spender: str) -> float:
        """Return in how many seconds there will be something left; 0 when there is."""
        full_at = self._full_at.get(spender)
        return 0 if full_at is None else max(full_at - self._now() - SAVED_SECONDS, 0)

    def left(self, spender: str) -> int:
        """Return how much is left, at least 0."""
        missing = max(self._full_at.get(spender, 0) - self._now(), 0)
        return max(round((SAVED_SECONDS - missing) * self.rate), 0)

    def spend(self, spender: str, nodes: int) -> None:
        full_at = max(self._full_at.pop(spender, 0), self._now())
        self._full_at[spender] = full_at + nodes / self.rate
        if len(self._full_at) > self._spenders_limit:
            del self._full_at[next(iter(self._full_at))]

    def __len__(self) -> int:
        return len(self._full_at)


class Account(NamedTuple):
    """What one request is paid from: the budgets of its viewer and of its address, where there are any."""

    shares: tuple[tuple[str, Budget, str], ...]

    def refusal(self) -> GraphQLError | None:
        """Say which budget is spent, and when to come back, in whole seconds."""
        for setting, budget, spender in self.shares:
            seconds = budget.wait_seconds(spender)
            if seconds > 0:
                retry_after = ceil(seconds)
                refusal = LimitExceeded(
                    f"The budget is spent: `{setting}` is {budget.rate:,} nodes a second; come back in "
                    f"{retry_after} s."
                )
                extensions = {"bound": setting, "limit": budget.rate, "retryAfter": retry_after}
                return GraphQLError(str(refusal), original_error=refusal, extensions=extensions)
        return None

    def spend(self, nodes: int) -> None:
        for _, budget, spender in self.shares:
            budget.spend(spender, nodes)

    def left(self) -> int | None:
        """Return what is left of the smaller budget; None where there is no limit."""
        return min((budget.left(spender) for _, budget, spender in self.shares), default=None)


class Budgets:
    """The budgets of one node of the service."""

    def __init__(self, rates: Rates) -> None:
        self._viewers = Budget(rates.viewer_rate) if rates.viewer_rate else None
        self._addresses = Budget(rates.address_rate) if rates.address_rate else None

    def account(self, viewer: Viewer, address: str) -> Account:
        """Return what a viewer at an address spends; on an open server the viewer is nobody in particular."""
        shares = []
        spender = name_of(viewer)
        if self._viewers is not None and spender is not None:
            shares.append(("viewer_rate", self._viewers, spender))
        if self._addresses is not None and address:
            shares.append(("address_rate", self._addresses, address))
        return Account(tuple(shares))
