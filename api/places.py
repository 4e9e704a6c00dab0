"""How much one viewer or one address may hold at once on this node: places are taken and given back."""

from collections import Counter
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Any

from api.auth.viewer import Viewer
from models.refusals import LimitExceeded

SUBNET_BITS = 64
"""What one customer of a provider has of IPv6 at the least."""


class Places:
    """So many for each holder; `what` says in a refusal what they are for, and whose."""

    def __init__(self, what: str, limit: int) -> None:
        self._what = what
        self._limit = limit
        self._taken: Counter[str] = Counter()

    def take(self, holder: str) -> None:
        """Take one, until `give_back`.

        Raises:
            LimitExceeded: The holder has as many as there may be.
        """
        if self._taken[holder] >= self._limit:
            raise LimitExceeded(f"At most {self._limit:,} {self._what} may be open at once.")
        self._taken[holder] += 1

    def give_back(self, holder: str) -> None:
        self._taken[holder] -= 1
        if not self._taken[holder]:
            del self._taken[holder]

    @property
    def taken(self) -> int:
        """How many all holders have together."""
        return self._taken.total()


class StreamPlaces:
    """Places for subscriptions, over all transports together."""

    def __init__(self, *, per_viewer_limit: int, per_address_limit: int) -> None:
        self._of_viewers = Places("streams of one viewer", per_viewer_limit)
        self._of_addresses = Places("streams of one address", per_address_limit)

    def take(self, viewer: Viewer, address: str) -> Callable[[], None]:
        """Take a place and return what gives it back.

        Raises:
            LimitExceeded: The viewer or the address has as many as there may be.
        """
        name = name_of(viewer)
        self._of_addresses.take(address)
        try:
            if name is not None:
                self._of_viewers.take(name)
        except LimitExceeded:
            self._of_addresses.give_back(address)
            raise

        def give_back() -> None:
            self._of_addresses.give_back(address)
            if name is not None:
                self._of_viewers.give_back(name)

        return give_back

    @property
    def taken(self) -> int:
        return self._of_addresses.taken


def address_of(scope: Any) -> str:  # noqa: ANN401  an ASGI scope
    """Return whose address a connection is from; of IPv6 the network, since each customer has a whole one."""
    client = scope.get("client")
    if client is None:
        return ""
    host: str = client[0]
    if ":" not in host:
        return host
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> SUBNET_BITS << SUBNET_BITS))


def name_of(viewer: Viewer) -> str | None:
    """Return what a viewer is counted by; nothing on an open server, where all are one."""
    if viewer.user_id is not None:
        return f"user {viewer.user_id}"
    return None if viewer.key is None else f"key {viewer.key.id}"
