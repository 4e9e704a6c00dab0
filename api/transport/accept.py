"""What a client takes: the media type of an answer, chosen by its Accept header (RFC 9110 §12.5.1)."""

from functools import lru_cache
from typing import NamedTuple

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"

OFFERED = (JSON, GRAPHQL_RESPONSE, EVENT_STREAM)
"""What there is; the first is for a client that takes anything."""

KEPT_LENGTH = 200


class Range(NamedTuple):
    """One range of an Accept header, for one of the media types that there are: better is greater."""

    specificity: int
    quality: float
    earliness: int


def preferred_media_type(accept: str) -> str | None:
    """Return the media type that a client prefers; None where it takes none of ours.

    What is named is preferred to what a wildcard stands for, and then what is named first: some clients list
    a stream as a last resort without saying so by a weight.
    """
    # The same few headers come again and again.
    return _kept(accept) if len(accept) <= KEPT_LENGTH else _preferred(accept)


def _preferred(accept: str) -> str | None:
    if not accept.strip():
        return JSON
    ranges = accept.lower().split(",")
    best: tuple[float, int, int] = (0, 0, 0)
    chosen = None
    for offer in OFFERED:
        matching = [
            found for place, text in enumerate(ranges) if (found := _range(text, offer, -place)) is not None
        ]
        if not matching:
            continue
        specificity, quality, earliness = max(matching)
        if quality > 0 and (chosen is None or (quality, specificity, earliness) > best):
            best, chosen = (quality, specificity, earliness), offer
    return chosen


_kept = lru_cache(maxsize=256)(_preferred)


def _range(text: str, offer: str, earliness: int) -> Range | None:
    """Return the range if it has the media type; one that cannot be read has none."""
    name, *parameters = (part.strip() for part in text.split(";"))
    patterns = ("*/*", f"{offer.partition('/')[0]}/*", offer)
    if name not in patterns:
        return None
    given = dict(_parameter(one) for one in parameters)
    try:
        quality = float(given.get("q", "1"))
    except ValueError:
        return None
    if not 0 <= quality <= 1 or given.get("charset", "utf-8") not in {"utf-8", "utf8"}:
        return None
    return Range(patterns.index(name), quality, earliness)


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip().strip('"')
