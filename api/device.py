"""What a User-Agent header says of a device, by the expressions of ua-parser."""

from functools import cache, lru_cache

import strawberry
from ua_parser import OS, Domain, PartialResult, Resolver, UserAgent, load_lazy_builtins
from ua_parser import Device as Hardware
from ua_parser.regex import Resolver as RegexResolver

from api.enums import DeviceType

AGENT_LIMIT = 512
"""How many characters of a header are looked at. They matter: the worst of them take 2 ms, of 2,048 17 ms."""
KEPT_LIMIT = 4096
"""How many headers are remembered, each with what it says: less than 10 MB at the most."""

BROWSERS = {
    "Android": "Android Browser",
    "Chrome Mobile": "Chrome",
    "Chrome Mobile WebView": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "DuckDuckGo Mobile": "DuckDuckGo",
    "Ecosia iOS": "Ecosia",
    "Edge Mobile": "Edge",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "IE": "Internet Explorer",
    "IE Mobile": "Internet Explorer",
    "Mobile Safari": "Safari",
    "Opera Mobile": "Opera",
    "QQ Browser Mobile": "QQ Browser",
}
"""What people call the browsers for which ua-parser has a name for each kind of device."""
NO_BROWSER = "Mobile Safari UI/WKWebView"
"""What ua-parser says of any app on an iPhone or iPad that it does not know."""
SYSTEMS = {"ATV OS X": "tvOS", "Chrome OS": "ChromeOS", "Mac OS X": "macOS", "WatchOS": "watchOS"}
"""What people call the systems for which ua-parser has older names."""

DESKTOP_SYSTEMS = frozenset(
    {
        "Arch Linux",
        "CentOS",
        "Chrome OS",
        "Debian",
        "Fedora",
        "FreeBSD",
        "Gentoo",
        "Linux",
        "Linux Mint",
        "Mac OS",
        "Mac OS X",
        "NetBSD",
        "OpenBSD",
        "Red Hat",
        "SUSE",
        "Solaris",
        "Ubuntu",
        "Windows",
        "openSUSE",
    }
)
MOBILE_SYSTEMS = frozenset(
    {"Android", "BlackBerry OS", "Firefox OS", "KaiOS", "Windows Mobile", "Windows Phone", "iOS"}
)
TABLETS = ("BlackBerry Playbook", "Generic Tablet", "HP TouchPad", "Kindle", "Microsoft Surface RT", "iPad")
"""How the names of tablets begin."""
HANDSETS = ("Generic Feature Phone", "Generic Smartphone", "iOS-Device", "iPhone", "iPod")
ANDROID_TABLET = "Generic_Android_Tablet"
SPIDER = "Spider"
"""What ua-parser calls the device of every robot."""


@strawberry.type(
    description="What a User-Agent header says of the device and of the program that sent it, as far as it "
    f"is understood; its first {AGENT_LIMIT:,} characters are looked at. All of it is a claim: anyone can "
    "send any header, and browsers keep what is in theirs vague."
)
class Device:
    """See the description."""

    browser: str | None = strawberry.field(
        description='The browser, as in "Chrome", the same on every kind of device; also the name of an app, '
        "a program or a robot where that is what is said."
    )
    browser_version: str | None = strawberry.field(
        description='The version of the browser as it is said, as in "138.0.7204.49" or "26.0"; what is '
        "before the first dot is what people call it by. Most browsers say zeros for the rest."
    )
    os: str | None = strawberry.field(description='The operating system, as in "macOS", "Windows" or "iOS".')
    os_version: str | None = strawberry.field(
        description="The version of the operating system as it is said, which is often not the true one: "
        'browsers say macOS "10.15.7" for every later one, Windows "10" for 11 as well, Android "10" for '
        "any, and Safari says a version of iOS 18 for iOS 26."
    )
    type: DeviceType = strawberry.field(description="What kind of device it is.")
    is_bot: bool = strawberry.field(
        description="Whether the sender says that it is a robot: a crawler, a link preview, a monitor. Not "
        "true of programs that anyone may run, such as curl."
    )


def device_of(user_agent: str | None) -> Device | None:
    """Return what is said by a header; None when nothing of it is understood."""
    return _device(user_agent[:AGENT_LIMIT]) if user_agent else None


@cache
def load() -> Resolver:
    """Return the parser, which takes an eighth of a second and 25 MB: a start makes it, and no request."""
    return RegexResolver(load_lazy_builtins())


@lru_cache(KEPT_LIMIT)
def _device(user_agent: str) -> Device | None:
    # Half of a surrogate pair has no UTF-8, which is what is searched.
    text = user_agent.encode(errors="replace").decode()
    found = load()(text, Domain.ALL)
    if found.user_agent is None and found.os is None and found.device is None:
        return None
    agent = None if found.user_agent and found.user_agent.family == NO_BROWSER else found.user_agent
    return Device(
        browser=BROWSERS.get(agent.family, agent.family) if agent else None,
        browser_version=_version(agent),
        os=SYSTEMS.get(found.os.family, found.os.family) if found.os else None,
        os_version=_version(found.os),
        type=_type(found),
        is_bot=found.device is not None and found.device.family == SPIDER,
    )


def _version(named: UserAgent | OS | None) -> str | None:
    """Return as much of a version as is said."""
    parts = (named.major, named.minor, named.patch, named.patch_minor) if named else ()
    return ".".join(part for part in parts if part) or None


def _type(found: PartialResult) -> DeviceType:
    """Tell what kind of device has these names; ua-parser leaves that to those who use it."""
    hardware = found.device or Hardware("")
    system = found.os.family if found.os else ""
    if hardware.family == SPIDER:
        return DeviceType.UNKNOWN
    if hardware.family.startswith(TABLETS) or hardware.brand == ANDROID_TABLET:
        return DeviceType.TABLET
    if system == "Android" and found.user_agent and found.user_agent.family == "Chrome":
        return DeviceType.TABLET  # on a phone Chrome says "Mobile", and has another name here
    if system in MOBILE_SYSTEMS or hardware.family.startswith(HANDSETS):
        return DeviceType.MOBILE
    if system in DESKTOP_SYSTEMS and (found.device is None or hardware.family == "Mac"):
        return DeviceType.DESKTOP
    return DeviceType.UNKNOWN
