"""How an operator says whose access tokens are accepted, and learns what is missing."""

from pathlib import Path

import pytest
from issuer import ISSUER
from pydantic import ValidationError

from api.settings import Settings, load_settings

JWKS = "https://api.workos.com/sso/jwks/client_01"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ISSUER, (ISSUER,)),
        (f"{ISSUER}/, https://auth.example.com", (f"{ISSUER}/", "https://auth.example.com")),
    ],
)
def test_reads_issuers_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SESSIONGRAPH_TOKEN_ISSUERS", value)
    monkeypatch.setenv("SESSIONGRAPH_JWKS", JWKS)
    settings = load_settings()
    assert settings.token_issuers == expected
    assert settings.jwks == JWKS


@pytest.mark.parametrize("value", ["", ",", f"{ISSUER},", f"{ISSUER} {ISSUER}/", f"{ISSUER},,b", "a\nb"])
def test_refuses_a_broken_list_of_issuers(value: str) -> None:
    with pytest.raises(ValidationError, match="separated by one comma"):
        Settings.model_validate({"token_issuers": value, "jwks": JWKS})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"token_issuers": (ISSUER,)}, "token_issuers needs jwks"),
        ({"jwks": JWKS}, "jwks needs token_issuers"),
        ({"token_audience": "sessiongraph"}, "token_audience needs token_issuers"),
    ],
)
def test_says_what_belongs_together(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Settings.model_validate(given)


@pytest.mark.parametrize(
    "location",
    [
        JWKS,
        "http://127.0.0.1:9000/jwks",
        "http://[::1]:9000/jwks",
        "http://localhost/jwks",
        "HTTPS://a.example/k",
    ],
)
def test_takes_the_url_of_a_key_set(location: str) -> None:
    assert Settings(token_issuers=(ISSUER,), jwks=location).jwks == location


@pytest.mark.parametrize(
    "location",
    [
        "http://api.workos.com/sso/jwks/client_01",
        "http://127.0.0.1.example.com/jwks",
        "http://localhost@example.com/jwks",
        "https://user:secret@api.workos.com/jwks",
        "https://",
        "https:///jwks",
        "https://api.workos.com:port/jwks",
        "https://api.workos.com/\njwks",
        "ftp://api.workos.com/jwks",
        "file:///etc/hosts",
        "/nowhere/jwks.json",
        "",
        ".",
    ],
)
def test_refuses_what_is_no_place_for_keys(location: str) -> None:
    with pytest.raises(ValidationError, match="it is neither a file nor an https URL"):
        Settings(token_issuers=(ISSUER,), jwks=location)


def test_takes_the_path_of_a_key_set(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.touch()
    assert Settings(token_issuers=(ISSUER,), jwks=str(path)).jwks == str(path)


@pytest.mark.parametrize(
    ("name", "least", "most", "below", "above"),
    [
        ("token_leeway_seconds", 0, 60, -1, 61),
        ("jwks_cool_down_seconds", 0.001, 30, 0, 31),
        ("jwks_refresh_seconds", 0.001, 3600, 0, 3601),
        ("jwks_stale_seconds", 0.001, 604_800, 0, 604_801),
    ],
)
def test_keeps_times_within_their_bounds(
    name: str, least: float, most: float, below: float, above: float
) -> None:
    for value in (least, most):
        assert getattr(Settings.model_validate({name: value}), name) == value
    for value in (below, above):
        with pytest.raises(ValidationError, match=name):
            Settings.model_validate({name: value})
