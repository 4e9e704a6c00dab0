"""Who lives in the demo: organizations, people, how they sign in, and how their sessions are ended."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ulid import ULID

from api.demo.devices import some_address, some_user_agent
from models.changes import Ending, NewSession
from models.session import AuthMethod, InitiatingEntity

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ORGANIZATIONS = 25
PEOPLE = 400
JOINED_BETWEEN = (datetime(2022, 1, 10, tzinfo=UTC), datetime(2025, 10, 1, tzinfo=UTC))
NO_ORGANIZATION_SHARE = 0.08

METHODS = {
    AuthMethod.SSO: 30,
    AuthMethod.PASSWORD: 22,
    AuthMethod.OAUTH: 18,
    AuthMethod.PASSKEY: 12,
    AuthMethod.MAGIC_CODE: 8,
    AuthMethod.EXTERNAL_AUTH: 3,
    AuthMethod.CROSS_APP_AUTH: 3,
    AuthMethod.MIGRATED_SESSION: 3,
    AuthMethod.UNKNOWN: 1,
}
METHODS_ALONE = {method: weight for method, weight in METHODS.items() if method is not AuthMethod.SSO}
"""Single sign-on is an organization's."""

LIFETIMES = {timedelta(hours=8): 30, timedelta(days=1): 30, timedelta(days=7): 25, timedelta(days=30): 15}

ADMINISTRATORS = ("dana@support.example.com", "kim@support.example.com", "noor@support.example.com")
REASONS = ("Ticket 4127: cannot export", "Ticket 4188: reproduce a layout fault", None, "Onboarding call")
IMPERSONATION_SHARE = 0.03
IMPERSONATION_LIFETIME = timedelta(minutes=60)

ENDINGS = {
    (InitiatingEntity.USER, "Signed out"): 45,
    (InitiatingEntity.USER, "Signed out everywhere else"): 12,
    (InitiatingEntity.USER, None): 8,
    (InitiatingEntity.ADMIN, "Device reported lost"): 5,
    (InitiatingEntity.ADMIN, "Left the company"): 5,
    (InitiatingEntity.ADMIN, None): 3,
    (InitiatingEntity.POLICY, "Password changed"): 8,
    (InitiatingEntity.POLICY, "Signed in from too many devices"): 3,
    (InitiatingEntity.SYSTEM, "Deactivated in the directory"): 6,
    (InitiatingEntity.SYSTEM, "Member removed"): 5,
}
"""Who ends sessions and why, and how often."""

ENDINGS_OF_IMPERSONATION = {
    (InitiatingEntity.ADMIN, "Impersonation finished"): 9,
    (InitiatingEntity.USER, "Signed out everywhere else"): 1,
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in, always from the same few devices and places, and in one of two ways."""

    user_id: str
    organization_id: str | None
    methods: tuple[AuthMethod, ...]
    user_agents: tuple[str, ...]
    addresses: tuple[str, ...]


@dataclass
class Population:
    """The people of one demo, and what they do; the same `chance` makes the same people and deeds.

    The two guests, of the largest organization, are those whom whoever tries the demo is signed in as. All
    others are residents.
    """

    chance: random.Random
    people: list[Person] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = self.chance
        organizations = [f"org_{self._early_ulid()}" for _ in range(ORGANIZATIONS)]
        # A few large organizations and many small ones.
        sizes = [1 / (rank + 1) for rank in range(ORGANIZATIONS)]
        for _ in range(PEOPLE):
            is_alone = chance.random() < NO_ORGANIZATION_SHARE
            methods = METHODS_ALONE if is_alone else METHODS
            self.people.append(
                Person(
                    user_id=f"user_{self._early_ulid()}",
                    organization_id=None if is_alone else chance.choices(organizations, sizes)[0],
                    methods=tuple(chance.choices(tuple(methods), tuple(methods.values()), k=2)),
                    user_agents=tuple(some_user_agent(chance) for _ in range(2)),
                    addresses=tuple(some_address(chance) for _ in range(3)),
                )
            )
        sizes_by_id = Counter(person.organization_id for person in self.people if person.organization_id)
        largest = sizes_by_id.most_common(1)[0][0]
        colleagues = (person for person in self.people if person.organization_id == largest)
        self.guests = (next(colleagues), next(colleagues))
        self.user_ids = frozenset(person.user_id for person in self.people)
        self.resident_ids = self.user_ids - {guest.user_id for guest in self.guests}

    def visit(self, now: datetime) -> NewSession:
        """Return what somebody's visit at this time creates: a sign-in, or an administrator's as somebody."""
        if self.chance.random() < IMPERSONATION_SHARE:
            return self.impersonation(now)
        lifetime = self.chance.choices(tuple(LIFETIMES), tuple(LIFETIMES.values()))[0]
        return self.sign_in(self.chance.choice(self.people), now, lifetime)

    def sign_in(self, person: Person, now: datetime, lifetime: timedelta) -> NewSession:
        """Return what the sign-in of a person creates; its id carries the time."""
        return self._session(person, self.chance.choice(person.methods), now, lifetime)

    def impersonation(self, now: datetime) -> NewSession:
        """Return what an administrator creates who acts as somebody from this time on."""
        return self._session(
            self.chance.choice(self.people),
            AuthMethod.IMPERSONATION,
            now,
            IMPERSONATION_LIFETIME,
            impersonator_email=self.chance.choice(ADMINISTRATORS),
            impersonator_reason=self.chance.choice(REASONS),
        )

    def ending(self, now: datetime, *, is_impersonated: bool) -> Ending:
        """Return who ends a session at this time, and why."""
        endings = ENDINGS_OF_IMPERSONATION if is_impersonated else ENDINGS
        by, reason = self.chance.choices(tuple(endings), tuple(endings.values()))[0]
        return Ending(by=by, user_id=None, reason=reason, now=now)

    def _session(
        self,
        person: Person,
        method: AuthMethod,
        now: datetime,
        lifetime: timedelta,
        *,
        impersonator_email: str | None = None,
        impersonator_reason: str | None = None,
    ) -> NewSession:
        return NewSession(
            id=f"session_{self._ulid(now)}",
            user_id=person.user_id,
            organization_id=person.organization_id,
            auth_method=method.value,
            ip_address=self.chance.choice(person.addresses),
            user_agent=self.chance.choice(person.user_agents),
            impersonator_email=impersonator_email,
            impersonator_reason=impersonator_reason,
            expires_at=now + lifetime,
        )

    def _early_ulid(self) -> ULID:
        first, last = JOINED_BETWEEN
        return self._ulid(first + (last - first) * self.chance.random())

    def _ulid(self, now: datetime) -> ULID:
        milliseconds = (now - _EPOCH) // timedelta(milliseconds=1)
        return ULID(milliseconds.to_bytes(6, "big") + self.chance.randbytes(10))
