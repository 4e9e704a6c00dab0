"""User agents and addresses as sign-ins bring them."""

import random

USER_AGENTS = (
    (
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/142.0.0.0 Safari/537.36"
        ),
        24,
    ),
    (
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/142.0.0.0 Safari/537.36"
        ),
        20,
    ),
    (
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/26.0 Safari/605.1.15"
        ),
        10,
    ),
    (
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/26.0 Mobile/15E148 Safari/604.1"
        ),
        14,
    ),
    (
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/142.0.0.0 Mobile Safari/537.36"
        ),
        10,
    ),
    (
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"
        ),
        9,
    ),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", 5),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", 4),
    (
        (
            "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/26.0 Mobile/15E148 Safari/604.1"
        ),
        2,
    ),
    ("Fieldnotes/7.4.1 (iPhone17,1; iOS 26.1; Scale/3.00)", 1),
    ("fieldnotes-cli/2.9.0 (darwin; arm64)", 1),
)


def some_user_agent(chance: random.Random) -> str:
    agents, weights = zip(*USER_AGENTS, strict=True)
    agent: str = chance.choices(agents, weights)[0]
    return agent


def some_address(chance: random.Random) -> str:
    """Return an address of the ranges that are set aside for documentation (RFC 5737, RFC 3849)."""
    if chance.random() < 0.2:  # noqa: PLR2004  about the share of IPv6 in offices
        groups = [f"{chance.randrange(1, 1 << 16):x}" for _ in range(3)]
        return "2001:db8:{}:{}::{}".format(*groups)
    network = chance.choice(("192.0.2", "198.51.100", "203.0.113"))
    return f"{network}.{chance.randrange(1, 255)}"
