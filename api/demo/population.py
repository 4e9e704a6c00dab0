"""Who lives in the demo: organizations, people, and how and when they signed in."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ulid import ULID

from api.demo.devices import some_address, some_user_agent
from models.changes import NewSession
from models.session import AuthMethod

ORGANIZATIONS = 25
PEOPLE = 400
ADMINISTRATORS = ("dana@support.example.com", "kim@support.example.com", "noor@support.example.com")
REASONS = ("Ticket 4127: cannot export", "Ticket 4188: reproduce a layout fault", None, "Onboarding call")
END_REASONS = ("Signed out", "Signed out everywhere", "Password changed", "Device lost", None)
IMPERSONATION_SHARE = 0.03
NO_ORGANIZATION_SHARE = 0.08
IMPERSONATION_LIFETIME = timedelta(minutes=60)
LIFETIMES = (timedelta(hours=8), timedelta(days=1), timedelta(days=7), timedelta(days=30))

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


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in, mostly from the same two devices."""

    user_id: str
    organization_id: str | None
    user_agents: tuple[str, ...]
    addresses: tuple[str, ...]


@dataclass
class Population:
    """The people of one demo; the same `chance` makes the same people, but for the time in their ids."""

    chance: random.Random
    people: list[Person] = field(default_factory=list)

    def __post_init__(self) -> None:
        organizations = [f"org_{self._ulid()}" for _ in range(ORGANIZATIONS)]
        # A few large organizations and many small ones.
        sizes = [(rank + 1) ** -1.5 for rank in range(ORGANIZATIONS)]
        for _ in range(PEOPLE):
            alone = self.chance.random() < NO_ORGANIZATION_SHARE
            self.people.append(
                Person(
                    user_id=f"user_{self._ulid()}",
                    organization_id=None if alone else self.chance.choices(organizations, sizes)[0],
                    user_agents=tuple(some_user_agent(self.chance) for _ in range(2)),
                    addresses=tuple(some_address(self.chance) for _ in range(3)),
                )
            )

    def sign_in(self, now: datetime, *, lifetime: timedelta | None = None) -> NewSession:
        """Return what somebody's sign-in at this time creates; its id carries the time."""
        person = self.chance.choice(self.people)
        impersonated = self.chance.random() < IMPERSONATION_SHARE
        method = self.chance.choices(tuple(METHODS), tuple(METHODS.values()))[0]
        usual = IMPERSONATION_LIFETIME if impersonated else self.chance.choice(LIFETIMES)
        return NewSession(
            id=f"session_{self._ulid(now)}",
            user_id=person.user_id,
            organization_id=person.organization_id,
            auth_method=AuthMethod.IMPERSONATION.value if impersonated else method.value,
            ip_address=self.chance.choice(person.addresses),
            user_agent=self.chance.choice(person.user_agents),
            impersonator_email=self.chance.choice(ADMINISTRATORS) if impersonated else None,
            impersonator_reason=self.chance.choice(REASONS) if impersonated else None,
            expires_at=now + (lifetime or usual),
        )

    @property
    def largest_organization_id(self) -> str:
        organizations = Counter(person.organization_id for person in self.people if person.organization_id)
        return organizations.most_common(1)[0][0]

    def end_reason(self) -> str | None:
        return self.chance.choice(END_REASONS)

    def _ulid(self, now: datetime | None = None) -> ULID:
        milliseconds = int(now.timestamp() * 1000) if now else self.chance.randrange(1 << 40)
        return ULID(milliseconds.to_bytes(6, "big") + self.chance.randbytes(10))
