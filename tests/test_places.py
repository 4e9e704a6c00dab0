"""Places: whom they are counted by."""

import pytest

from api.places import Places, address_of
from models.refusals import LimitExceeded


@pytest.mark.parametrize(
    ("host", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
        ("2001:db8:1:3::", "2001:db8:1:3::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("unix", "unix"),
    ],
)
def test_counts_by_the_address_and_in_ipv6_by_the_network(host: str, counted_as: str) -> None:
    assert address_of({"client": (host, 1)}) == counted_as


def test_counts_what_has_no_address_as_one() -> None:
    assert address_of({"client": None}) == ""


def test_keeps_nothing_of_those_who_have_given_all_back() -> None:
    places = Places("streams of one viewer", 1)
    places.take("a")
    with pytest.raises(LimitExceeded, match=r"^At most 1 streams of one viewer may be open at once\.$"):
        places.take("a")
    places.take("b")
    assert places.taken == 2
    for holder in "ab":
        places.give_back(holder)
    assert vars(places)["_taken"] == {}
    places.take("a")
