"""Access tokens: which hold, which do not and why, and what a token can make this server do."""

import asyncio
import hmac
import json
import logging
import time
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from issuer import (
    ISSUER,
    ORGANIZATION,
    SESSION,
    USER,
    Issuer,
    encoded,
    jwk,
    pem,
    rsa_key,
    signed,
    until,
    user_claims,
    user_token,
)

from api.auth.jwks import SigningKeys
from api.auth.tokens import AccessToken, TokenVerifier
from models.refusals import Unauthenticated, Unavailable

HEADER: dict[str, Any] = {"typ": "JWT", "alg": "RS256", "kid": "first"}


@pytest.fixture(scope="module")
async def keys(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SigningKeys]:
    path = tmp_path_factory.mktemp("issuer") / "jwks.json"
    path.write_text(json.dumps({"keys": [jwk("first"), jwk("second")]}))
    async with SigningKeys(str(path)) as keys:
        yield keys


@pytest.fixture(scope="module")
def verifier(keys: SigningKeys) -> TokenVerifier:
    return TokenVerifier(keys, issuers=[ISSUER])


async def reason(verifier: TokenVerifier, token: str) -> str:
    """Return why the token is refused; the message is one sentence and has nothing of the token."""
    with pytest.raises(Unauthenticated) as refused:
        await verifier.verify(token)
    message = str(refused.value)
    assert message.endswith(".")
    assert message.count(". ") == 0
    assert not any(part in message for part in token.split(".") if len(part) > 8)
    return refused.value.reason


async def test_reads_the_claims_of_a_user(verifier: TokenVerifier) -> None:
    exp = int(time.time()) + 300
    assert await verifier.verify(user_token(exp=exp)) == AccessToken(
        user_id=USER,
        session_id=SESSION,
        organization_id=None,
        permissions=frozenset(),
        expires_at=datetime.fromtimestamp(exp, UTC),
        impersonator_email=None,
    )


async def test_reads_what_a_token_may_say_besides(verifier: TokenVerifier) -> None:
    token = await verifier.verify(
        user_token(
            "second",
            org_id=ORGANIZATION,
            role="admin",
            roles=["admin"],
            permissions=["sessions:read", "sessions:end"],
            act={"sub": "admin@example.com"},
            sub_profile="user",
            aud="somebody",
        )
    )
    assert token.organization_id == ORGANIZATION
    assert token.permissions == {"sessions:read", "sessions:end"}
    assert token.impersonator_email == "admin@example.com"


async def test_takes_null_for_an_optional_claim_that_is_left_out(verifier: TokenVerifier) -> None:
    claims = {**user_claims(), "org_id": None, "permissions": None, "act": None}
    token = await verifier.verify(signed(HEADER, claims))
    assert (token.organization_id, token.permissions, token.impersonator_email) == (None, frozenset(), None)


async def test_reads_the_organization_in_the_token_whatever_the_session_had(verifier: TokenVerifier) -> None:
    before = user_token(org_id=ORGANIZATION, permissions=["sessions:read"])
    after = user_token(org_id="org_02")
    for _ in range(2):
        assert (await verifier.verify(before)).organization_id == ORGANIZATION
        token = await verifier.verify(after)
        assert (token.organization_id, token.permissions) == ("org_02", frozenset())


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("configured_slash", ["", "/"])
async def test_takes_an_issuer_with_or_without_a_slash(
    keys: SigningKeys, slash: str, configured_slash: str
) -> None:
    custom = "https://auth.example.com"
    verifier = TokenVerifier(keys, issuers=[ISSUER + configured_slash, custom + configured_slash])
    for issuer in (ISSUER, custom):
        assert (await verifier.verify(user_token(iss=issuer + slash))).user_id == USER


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "/",
        f"{ISSUER}//",
        f"{ISSUER}/user_management/client_01",
        ISSUER[:-1],
        ISSUER.upper(),
        f" {ISSUER}",
        [ISSUER],
        {ISSUER: 1},
        7,
    ],
    ids=repr,
)
async def test_refuses_another_issuer(verifier: TokenVerifier, issuer: object) -> None:
    assert await reason(verifier, signed(HEADER, {**user_claims(), "iss": issuer})) == "wrong_issuer"


@pytest.mark.parametrize("claim", ["exp", "iss", "sid", "sub"])
@pytest.mark.parametrize("form", ["absent", "null"])
async def test_refuses_a_token_without_a_required_claim(
    verifier: TokenVerifier, claim: str, form: str
) -> None:
    claims = user_claims(**{claim: None}) | ({claim: None} if form == "null" else {})
    token = signed(HEADER, claims)
    assert await reason(verifier, token) == "missing_claim"
    with pytest.raises(Unauthenticated, match=f"has no `{claim}`"):
        await verifier.verify(token)


LONG = "s" * 256
WRONG_CLAIMS: list[tuple[str, object, str]] = [
    ("sub", 7, "malformed"),
    ("sub", "", "wrong_claim"),
    ("sub", LONG, "wrong_claim"),
    ("sub", "user\ud800", "wrong_claim"),
    ("sub", "user\0", "wrong_claim"),
    ("sid", 7, "wrong_claim"),
    ("sid", "", "wrong_claim"),
    ("sid", LONG, "wrong_claim"),
    ("sid", [SESSION], "wrong_claim"),
    ("exp", 1, "expired"),
    ("exp", -1, "expired"),
    ("exp", "soon", "malformed"),
    ("exp", "99999999999", "wrong_claim"),
    ("exp", True, "expired"),
    ("exp", [], "malformed"),
    ("exp", float("nan"), "malformed"),
    ("exp", float("inf"), "malformed"),
    ("exp", 1e300, "wrong_claim"),
    ("exp", 10**4000, "wrong_claim"),
    ("iat", 99_999_999_999, "not_yet_valid"),
    ("iat", "1", "wrong_claim"),
    ("iat", True, "wrong_claim"),
    ("iat", None, "malformed"),
    ("nbf", 99_999_999_999, "not_yet_valid"),
    ("nbf", "1", "wrong_claim"),
    ("nbf", None, "malformed"),
    ("org_id", 7, "wrong_claim"),
    ("org_id", "", "wrong_claim"),
    ("org_id", LONG, "wrong_claim"),
    ("permissions", "sessions:read", "wrong_claim"),
    ("permissions", {"sessions:read": True}, "wrong_claim"),
    ("permissions", ["sessions:read", 7], "wrong_claim"),
    ("permissions", ["\ud800"], "wrong_claim"),
    ("act", "admin@example.com", "wrong_claim"),
    ("act", {}, "wrong_claim"),
    ("act", {"sub": None}, "wrong_claim"),
    ("act", {"sub": ["admin@example.com"]}, "wrong_claim"),
    ("sub_type", "agent", "not_a_user"),
    ("sub_type", "user", "not_a_user"),
    ("sub_type", None, "not_a_user"),
    ("sub_profile", "agent", "not_a_user"),
    ("sub_profile", "User", "not_a_user"),
    ("sub_profile", "user_agent", "not_a_user"),
    ("sub_profile", None, "not_a_user"),
    ("sub_profile", ["user"], "not_a_user"),
]


@pytest.mark.parametrize(
    ("claim", "value", "expected"), WRONG_CLAIMS, ids=[f"{c}={str(v)[:12]!r}" for c, v, _ in WRONG_CLAIMS]
)
async def test_refuses_a_wrong_claim(
    verifier: TokenVerifier, claim: str, value: object, expected: str
) -> None:
    assert await reason(verifier, signed(HEADER, {**user_claims(), claim: value})) == expected


@pytest.mark.parametrize(
    "payload", [None, 7, "text", [], [["iss"]], b"{", b"", b"\xff", b"[" * 3000], ids=repr
)
async def test_refuses_signed_nonsense(verifier: TokenVerifier, payload: object) -> None:
    assert await reason(verifier, signed(HEADER, payload)) == "malformed"


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        ("sessiongraph", None),
        (["other", "sessiongraph"], None),
        ("other", "wrong_audience"),
        ("sessiongraph ", "wrong_audience"),
        (["other"], "wrong_audience"),
        ({"sessiongraph": 1}, "wrong_audience"),
        (["sessiongraph", 7], "wrong_audience"),
        ([], "missing_claim"),
        ("", "missing_claim"),
        (None, "missing_claim"),
    ],
    ids=repr,
)
async def test_looks_at_the_audience_where_one_is_configured(
    keys: SigningKeys, verifier: TokenVerifier, audience: object, expected: str | None
) -> None:
    token = signed(HEADER, {**user_claims(), "aud": audience})
    strict = TokenVerifier(keys, issuers=[ISSUER], audience="sessiongraph")
    if expected is None:
        assert (await strict.verify(token)).user_id == USER
    else:
        assert await reason(strict, token) == expected
    assert (await verifier.verify(token)).user_id == USER


@pytest.mark.parametrize("leeway_seconds", [0, 30, 60])
async def test_allows_for_clocks_that_differ_by_the_leeway(keys: SigningKeys, leeway_seconds: int) -> None:
    verifier = TokenVerifier(keys, issuers=[ISSUER], leeway_seconds=leeway_seconds)
    now = int(time.time())
    in_time, late = now - leeway_seconds + 20, now - leeway_seconds - 1
    assert (await verifier.verify(user_token(exp=in_time))).user_id == USER
    assert await reason(verifier, user_token(exp=late)) == "expired"
    for claim in ("iat", "nbf"):
        soon, later = now + leeway_seconds, now + leeway_seconds + 20
        assert (await verifier.verify(user_token(**{claim: soon}))).user_id == USER
        assert await reason(verifier, user_token(**{claim: later})) == "not_yet_valid"


async def test_refuses_a_token_that_is_not_signed(verifier: TokenVerifier) -> None:
    for alg in ("none", "None", "NONE", ""):
        header = encoded({**HEADER, "alg": alg})
        signature = signed(HEADER, user_claims()).rsplit(".", 1)[1]
        for end in ("", signature):
            assert await reason(verifier, f"{header}.{encoded(user_claims())}.{end}") == "wrong_algorithm"
    unsigned = user_token().rsplit(".", 1)[0]
    assert await reason(verifier, f"{unsigned}.") == "wrong_signature"


async def test_refuses_hmac_with_the_public_key_as_the_secret(verifier: TokenVerifier) -> None:
    public = rsa_key("first")
    secrets = [pem(public), pem(public).strip(), json.dumps(jwk("first")).encode(), b"", b"first"]
    for alg, digest in (("HS256", "sha256"), ("HS512", "sha512"), ("RS256", "sha256")):
        for secret in secrets:
            signing_input = f"{encoded({**HEADER, 'alg': alg})}.{encoded(user_claims())}"
            signature = encoded(hmac.digest(secret, signing_input.encode(), digest))
            expected = "wrong_signature" if alg == "RS256" else "wrong_algorithm"
            assert await reason(verifier, f"{signing_input}.{signature}") == expected


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256", "ES256"])
async def test_refuses_every_other_algorithm(verifier: TokenVerifier, alg: str) -> None:
    key = generate_private_key(SECP256R1()) if alg == "ES256" else rsa_key("first")
    token = jwt.encode(user_claims(), key, algorithm=alg, headers={"kid": "first"})
    assert await reason(verifier, token) == "wrong_algorithm"


@pytest.mark.parametrize(
    "alg", ["rs256", "RS256 ", None, 7, ["RS256"], {"RS256": 1}, True, "RS256\0"], ids=repr
)
async def test_refuses_an_algorithm_by_any_other_name(verifier: TokenVerifier, alg: object) -> None:
    assert await reason(verifier, signed({**HEADER, "alg": alg}, user_claims())) == "wrong_algorithm"
    without = {name: value for name, value in HEADER.items() if name != "alg"}
    assert await reason(verifier, signed(without, user_claims())) == "wrong_algorithm"


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", ...])
async def test_takes_the_types_of_access_tokens(verifier: TokenVerifier, typ: object) -> None:
    header = {name: value for name, value in {**HEADER, "typ": typ}.items() if value is not ...}
    assert (await verifier.verify(signed(header, user_claims()))).user_id == USER


@pytest.mark.parametrize(
    "typ", ["logout+jwt", "dpop+jwt", "secevent+jwt", "JOSE", "", None, 7, ["JWT"]], ids=repr
)
async def test_refuses_tokens_for_other_purposes(verifier: TokenVerifier, typ: object) -> None:
    assert await reason(verifier, signed({**HEADER, "typ": typ}, user_claims())) == "wrong_type"


@pytest.mark.parametrize(
    ("crit", "more"),
    [(["b64"], {"b64": False}), (["b64"], {"b64": True}), (["exp"], {}), ([], {}), (None, {})],
)
async def test_refuses_a_critical_header(verifier: TokenVerifier, crit: object, more: dict[str, Any]) -> None:
    assert (
        await reason(verifier, signed({**HEADER, **more, "crit": crit}, user_claims())) == "critical_header"
    )


async def test_refuses_a_payload_that_is_not_encoded(verifier: TokenVerifier) -> None:
    assert await reason(verifier, signed({**HEADER, "b64": False}, user_claims())) == "malformed"


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
@pytest.mark.parametrize("key_id", ["first", "mine"])
async def test_fetches_nothing_that_a_token_names(issuer: Issuer, name: str, key_id: str) -> None:
    mine = rsa_key("mine")
    value = {"jku": issuer.url, "x5u": issuer.url, "jwk": jwk(key_id, mine), "x5c": [encoded(pem(mine))]}
    header = {**HEADER, "kid": key_id, name: value[name]}
    async with SigningKeys(issuer.url) as keys:
        verifier = TokenVerifier(keys, issuers=[ISSUER])
        assert (await verifier.verify(user_token())).user_id == USER
        for key in (mine, rsa_key("first")):
            assert await reason(verifier, signed(header, user_claims(), key)) == "own_key"
    assert issuer.asked == 1


@pytest.mark.parametrize(
    ("key_id", "expected"),
    [
        ("k" * 10_000, "too_long"),
        ("k" * 257, "wrong_key_id"),
        ("k" * 256, "unknown_key"),
        ("", "wrong_key_id"),
        ("a\nb", "wrong_key_id"),
        ("\0", "wrong_key_id"),
        ("\x1b[31m", "wrong_key_id"),
        ("sch\u00fcssel", "wrong_key_id"),
        ("\u202efirst", "wrong_key_id"),
        ("\ud800", "malformed"),
        (None, "wrong_key_id"),
        (7, "wrong_key_id"),
        (["first"], "wrong_key_id"),
        ({"first": 1}, "wrong_key_id"),
        ("../../../../etc/passwd", "unknown_key"),
        ("http://127.0.0.1/jwks", "unknown_key"),
        ("first' OR '1'='1", "unknown_key"),
        ("__class__", "unknown_key"),
        ("First", "unknown_key"),
    ],
    ids=lambda value: repr(value)[:20],
)
async def test_looks_up_a_key_id_and_does_nothing_else_with_it(
    verifier: TokenVerifier, key_id: object, expected: str
) -> None:
    assert await reason(verifier, signed({**HEADER, "kid": key_id}, user_claims())) == expected


async def test_refuses_a_token_without_a_key_id(verifier: TokenVerifier) -> None:
    assert await reason(verifier, signed({"typ": "JWT", "alg": "RS256"}, user_claims())) == "wrong_key_id"


async def test_refuses_the_key_of_somebody_else_under_a_known_name(verifier: TokenVerifier) -> None:
    assert await reason(verifier, signed(HEADER, user_claims(), rsa_key("second"))) == "wrong_signature"


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c.d",
        "a..c",
        "e30.e30.",
        "bnVsbA.e30.e30",
        "W10.e30.e30",
        "a.b.c",
        "@.@.@",
    ],
)
async def test_refuses_what_is_not_a_token(verifier: TokenVerifier, token: str) -> None:
    assert await reason(verifier, token) in {"malformed", "wrong_algorithm"}


async def test_knows_one_spelling_of_a_token(verifier: TokenVerifier) -> None:
    token = user_token()
    assert (await verifier.verify(token)).user_id == USER
    head, payload, signature = token.split(".")
    for other in (
        f"{token}=",
        f"{token}==",
        f" {token}",
        f"{token}\n",
        f"{token}.",
        f"Bearer {token}",
        f"{head}=.{payload}.{signature}",
        f"{head}.{payload}.{signature[:-1]}",
        f"{head}.{payload}.{signature}AAAA",
    ):
        assert await reason(verifier, other) in {"malformed", "wrong_signature"}


async def test_looks_at_no_token_over_the_limit(verifier: TokenVerifier) -> None:
    assert (await verifier.verify(token_of(8192))).user_id == USER
    assert await reason(verifier, token_of(8193)) == "too_long"
    assert await reason(verifier, "a" * 10_000_000) == "too_long"


def token_of(length: int) -> str:
    """Return a valid token of so many characters: base64 cannot have them all, so two parts are filled."""
    filling = (length - len(user_token())) * 3 // 4
    for more in range(3):
        for less in range(50):
            claims = user_claims(entitlements="e" * (filling - less))
            token = signed({**HEADER, "cty": "c" * more}, claims)
            if len(token) == length:
                return token
    raise AssertionError(length)


async def test_refuses_a_token_with_any_bit_flipped(verifier: TokenVerifier) -> None:
    token = user_token(permissions=["sessions:read"])
    assert (await verifier.verify(token)).user_id == USER
    raw = token.encode()
    for bit in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Unauthenticated):
            await verifier.verify(flipped.decode("latin-1"))


async def test_keeps_valid_tokens_going_while_a_thousand_keys_are_made_up(issuer: Issuer) -> None:
    async with SigningKeys(issuer.url) as keys:
        verifier = TokenVerifier(keys, issuers=[ISSUER])
        for number in range(1000):
            made_up = signed({**HEADER, "kid": f"made-up-{number}"}, user_claims(), rsa_key("mine"))
            assert await reason(verifier, made_up) == "unknown_key"
            assert (await verifier.verify(user_token(jti=str(number)))).user_id == USER
    assert issuer.asked == 1


async def test_does_not_hold_a_known_key_up_for_an_unknown_one(issuer: Issuer) -> None:
    async with SigningKeys(issuer.url, cool_down_seconds=0) as keys:
        verifier = TokenVerifier(keys, issuers=[ISSUER])
        assert (await verifier.verify(user_token())).user_id == USER
        issuer.gate.clear()
        made_up = asyncio.create_task(reason(verifier, user_token("mine")))
        await until(lambda: issuer.asked == 2)
        async with asyncio.timeout(2):
            assert (await verifier.verify(user_token(jti="another"))).user_id == USER
        assert not made_up.done()
        issuer.gate.set()
        assert await made_up == "unknown_key"


async def test_goes_on_while_the_issuer_is_away(issuer: Issuer) -> None:
    async with SigningKeys(issuer.url, cool_down_seconds=0.05, refresh_seconds=0.05) as keys:
        verifier = TokenVerifier(keys, issuers=[ISSUER])
        assert (await verifier.verify(user_token())).user_id == USER
        await issuer.stop()
        await until(lambda: not keys.is_answered)
        with pytest.raises(Unavailable):
            await verifier.verify(user_token("second"))
        assert (await verifier.verify(user_token(jti="another"))).user_id == USER


async def test_is_unavailable_and_not_denying_before_the_issuer_was_reached(issuer: Issuer) -> None:
    await issuer.stop()
    async with SigningKeys(issuer.url, cool_down_seconds=0.05) as keys:
        verifier = TokenVerifier(keys, issuers=[ISSUER])
        with pytest.raises(Unavailable):
            await verifier.verify(user_token())
        assert await reason(verifier, signed({**HEADER, "alg": "none"}, user_claims())) == "wrong_algorithm"
        await issuer.start()
        await until(lambda: keys.at_hand("first") is not None)
        assert (await verifier.verify(user_token())).user_id == USER


async def test_remembers_no_token_longer_than_its_key(issuer: Issuer) -> None:
    async with SigningKeys(issuer.url, cool_down_seconds=0.05, refresh_seconds=0.05) as keys:
        verifier = TokenVerifier(keys, issuers=[ISSUER])
        token = user_token()
        assert (await verifier.verify(token)).user_id == USER
        issuer.keys = [jwk("second")]
        await until(lambda: keys.at_hand("first") is None)
        assert await reason(verifier, token) == "unknown_key"
        assert len(verifier) == 0


async def test_remembers_no_token_under_a_key_that_was_replaced(issuer: Issuer) -> None:
    async with SigningKeys(issuer.url, cool_down_seconds=0.05, refresh_seconds=0.05) as keys:
        verifier = TokenVerifier(keys, issuers=[ISSUER])
        token = user_token()
        assert (await verifier.verify(token)).user_id == USER
        issuer.keys = [jwk("first", rsa_key("second"))]
        await until(lambda: keys.at_hand("first") == rsa_key("second").public_key())
        assert await reason(verifier, token) == "wrong_signature"


async def test_remembers_no_token_longer_than_it_is_valid(keys: SigningKeys) -> None:
    verifier = TokenVerifier(keys, issuers=[ISSUER], leeway_seconds=0)
    exp = int(time.time()) + 2
    token = user_token(exp=exp)
    assert (await verifier.verify(token)).user_id == USER
    assert len(verifier) == 1
    await until(lambda: time.time() >= exp)
    assert await reason(verifier, token) == "expired"
    assert len(verifier) == 0


async def test_remembers_the_tokens_that_were_used_last(keys: SigningKeys) -> None:
    verifier = TokenVerifier(keys, issuers=[ISSUER], remembered_limit=2)
    first, second, third = (user_token(jti=name) for name in ("1", "2", "3"))
    read = {token: await verifier.verify(token) for token in (first, second)}
    assert await verifier.verify(first) is read[first]
    read[third] = await verifier.verify(third)
    assert len(verifier) == 2
    assert await verifier.verify(first) is read[first]
    assert await verifier.verify(third) is read[third]
    again = await verifier.verify(second)
    assert again == read[second]
    assert again is not read[second]


async def test_keeps_the_token_out_of_logs_and_refusals(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    good = user_token(name="canary-7f3a")
    head, payload, signature = good.split(".")
    tokens = [
        good,
        user_token("mine"),
        user_token(exp=1),
        user_token(iss="https://canary-7f3a.example.com"),
        user_token(sub=LONG),
        signed({**HEADER, "crit": ["canary-7f3a"]}, user_claims()),
        signed({**HEADER, "jku": "https://canary-7f3a.example.com"}, user_claims()),
        signed(HEADER, b"canary-7f3a"),
        signed(HEADER, b"canary-7f3a \xff"),
        f"{encoded(b'canary-7f3a')}.{payload}.{signature}",
        f"{head}.{payload}.{signature[:-4]}",
        f"{head}.{payload}.{signature}=",
        good + "a" * 8192,
        f"Bearer {good}",
    ]
    shown = []
    async with SigningKeys(issuer.url) as keys:
        verifier = TokenVerifier(keys, issuers=[ISSUER])
        for token in tokens:
            try:
                await verifier.verify(token)
            except Unauthenticated as error:
                shown.append("".join(traceback.format_exception(error)) + repr(error) + error.reason)
    assert len(shown) == len(tokens) - 1
    everything = "\n".join([caplog.text, *shown])
    assert "canary-7f3a" not in everything
    for part in {part for token in tokens for part in token.split(".")} - {head}:
        assert part[:40] not in everything


parts = st.sampled_from([encoded(HEADER), encoded(user_claims()), "e30", "", "a"]) | st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
headers = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jku", "b64", "zip", "cty"]), values)
claims = st.dictionaries(
    st.sampled_from(
        [
            "iss",
            "sub",
            "sid",
            "exp",
            "iat",
            "nbf",
            "aud",
            "jti",
            "org_id",
            "permissions",
            "act",
            "sub_profile",
        ]
    ),
    values,
)
with_shared_keys = settings(
    deadline=None,
    max_examples=300,
    # The first text takes a second; the fixtures are of the module and change with no example.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@with_shared_keys
@given(st.text() | st.lists(parts, min_size=2, max_size=4).map(".".join))
async def test_refuses_any_text(verifier: TokenVerifier, text: str) -> None:
    with pytest.raises((Unauthenticated, Unavailable)):
        await verifier.verify(text)


@with_shared_keys
@given(headers, claims)
async def test_refuses_or_reads_whatever_is_signed(
    verifier: TokenVerifier, header: dict[str, Any], changed: dict[str, Any]
) -> None:
    try:
        token = await verifier.verify(signed(HEADER | header, user_claims() | changed))
    except Unauthenticated:
        return
    assert (token.user_id, token.session_id) == (changed.get("sub", USER), changed.get("sid", SESSION))
