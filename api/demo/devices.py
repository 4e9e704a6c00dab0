"""User agents and addresses as sign-ins bring them."""

import random

_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_MACOS = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_LINUX = "Mozilla/5.0 (X11; Linux x86_64)"
_ANDROID = "Mozilla/5.0 (Linux; Android 10; K)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X)"
_IPAD = "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X)"
_BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"

USER_AGENTS = {
    f"{_WINDOWS} {_BLINK} Chrome/142.0.0.0 Safari/537.36": 22,
    f"{_WINDOWS} {_BLINK} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0": 9,
    f"{_WINDOWS} {_BLINK} Chrome/141.0.0.0 Safari/537.36 OPR/125.0.0.0": 2,
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0": 5,
    f"{_MACOS} {_BLINK} Chrome/142.0.0.0 Safari/537.36": 18,
    f"{_MACOS} {_WEBKIT} Version/26.0 Safari/605.1.15": 9,
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0": 2,
    f"{_LINUX} {_BLINK} Chrome/142.0.0.0 Safari/537.36": 3,
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0": 2,
    f"{_IPHONE} {_WEBKIT} Version/26.0 Mobile/15E148 Safari/604.1": 12,
    f"{_IPHONE} {_WEBKIT} CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1": 3,
    f"{_IPAD} {_WEBKIT} Version/26.0 Mobile/15E148 Safari/604.1": 2,
    f"{_ANDROID} {_BLINK} Chrome/142.0.0.0 Mobile Safari/537.36": 10,
    f"{_ANDROID} {_BLINK} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36": 3,
    "Fieldnotes/7.4.1 (iPhone17,1; iOS 26.1; Scale/3.00)": 3,
    "Fieldnotes/7.4.0 (Android 16; Pixel 10) okhttp/5.1.0": 2,
    "fieldnotes-cli/2.9.0 (darwin; arm64)": 2,
    "python-httpx/0.28.1": 1,
    # What watches a site from outside, and signs in to see whether that works.
    f"{_LINUX} {_BLINK} HeadlessChrome/142.0.0.0 Safari/537.36": 1,
}
"""What signs in, and how often."""

IPV6_SHARE = 0.2


def some_user_agent(chance: random.Random) -> str:
    return chance.choices(tuple(USER_AGENTS), tuple(USER_AGENTS.values()))[0]


def some_address(chance: random.Random) -> str:
    """Return an address of the ranges that are set aside for documentation (RFC 5737, RFC 3849)."""
    if chance.random() < IPV6_SHARE:
        groups = [f"{chance.randrange(1, 1 << 16):x}" for _ in range(3)]
        return "2001:db8:{}:{}::{}".format(*groups)
    network = chance.choice(("192.0.2", "198.51.100", "203.0.113"))
    return f"{network}.{chance.randrange(1, 255)}"
