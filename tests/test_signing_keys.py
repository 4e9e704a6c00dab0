"""The keys at hand: one fetch for everybody, seldom, and never a reason to wait for what is known."""

import asyncio
import gzip
import json
import logging
import os
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from issuer import Issuer, encoded, jwk, rsa_key, until
from jwt.algorithms import RSAAlgorithm

from api.auth.jwks import SigningKeys, parse_key_set
from api.auth.jwks_source import SIZE_LIMIT, KeySetUnreadable
from models.refusals import Unavailable

SHORT = rsa_key("short", 1024)


async def test_finds_the_keys_that_the_issuer_publishes(issuer: Issuer) -> None:
    issuer.keys = [jwk("first"), jwk("second")]
    async with SigningKeys(issuer.url) as keys:
        for name in ("first", "second"):
            key = await keys.find(name)
            assert key == rsa_key(name).public_key()
        assert await keys.find("third") is None
    assert issuer.asked == 1


async def test_shares_one_fetch_among_all_that_wait(issuer: Issuer) -> None:
    issuer.gate.clear()
    async with SigningKeys(issuer.url, cool_down_seconds=0) as keys:
        waiting = [asyncio.create_task(keys.find("first")) for _ in range(50)]
        await until(lambda: issuer.asked == 1)
        leaves = waiting.pop()
        leaves.cancel()
        with suppress(asyncio.CancelledError):
            await leaves
        waiting.append(asyncio.create_task(keys.find("first")))
        issuer.gate.set()
        found = await asyncio.gather(*waiting)
    assert found == [rsa_key("first").public_key()] * 50
    assert issuer.asked == 1


async def test_does_not_wait_for_a_slow_issuer_when_the_key_is_known(issuer: Issuer) -> None:
    async with SigningKeys(issuer.url, cool_down_seconds=0) as keys:
        assert await keys.find("first") is not None
        issuer.gate.clear()
        slow = asyncio.create_task(keys.find("unknown"))
        await until(lambda: issuer.asked == 2)
        async with asyncio.timeout(1):
            assert await keys.find("first") is not None
        assert not slow.done()
        issuer.gate.set()
        assert await slow is None


async def test_asks_once_for_a_thousand_unknown_keys(issuer: Issuer) -> None:
    async with SigningKeys(issuer.url) as keys:
        assert await keys.find("first") is not None
        found = await asyncio.gather(*(keys.find(f"unknown-{number}") for number in range(1000)))
        assert found == [None] * 1000
    assert issuer.asked == 1


async def test_takes_up_a_rotated_key_after_the_cool_down(issuer: Issuer) -> None:
    async with SigningKeys(issuer.url, cool_down_seconds=0.5) as keys:
        assert await keys.find("first") is not None
        issuer.keys = [jwk("second")]
        async with asyncio.timeout(10):
            while (key := await keys.find("second")) is None:
                assert issuer.asked == 1
                await asyncio.sleep(0.005)
        assert key == rsa_key("second").public_key()
        assert await keys.find("first") is None
    assert issuer.asked == 2


async def test_drops_a_removed_key_although_nobody_asks_for_another(issuer: Issuer) -> None:
    async with SigningKeys(issuer.url, cool_down_seconds=0.05, refresh_seconds=0.05) as keys:
        assert await keys.find("first") is not None
        issuer.keys = [jwk("second")]
        await until(lambda: keys.at_hand("first") is None)
        assert keys.at_hand("second") == rsa_key("second").public_key()


async def test_keeps_the_object_of_a_key_that_stays(issuer: Issuer) -> None:
    issuer.keys = [jwk("first"), jwk("second")]
    async with SigningKeys(issuer.url, cool_down_seconds=0.05, refresh_seconds=0.05) as keys:
        first = await keys.find("first")
        issuer.keys = [jwk("first"), jwk("second", rsa_key("other"))]
        await until(lambda: keys.at_hand("second") == rsa_key("other").public_key())
        assert keys.at_hand("first") is first


async def test_leaves_an_issuer_that_fails_alone_for_the_cool_down(issuer: Issuer) -> None:
    issuer.status = 500
    async with SigningKeys(issuer.url) as keys:
        for _ in range(3):
            with pytest.raises(Unavailable, match="The issuer of the access tokens cannot be reached"):
                await keys.find("first")
    assert issuer.asked == 1


async def test_goes_on_with_known_keys_while_the_issuer_is_away(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    async with SigningKeys(issuer.url, cool_down_seconds=0.05, refresh_seconds=0.05) as keys:
        assert await keys.find("first") is not None
        await issuer.stop()
        await until(lambda: "going on with 1 known keys: ConnectError" in caplog.text)
        assert await keys.find("first") is not None
        with pytest.raises(Unavailable):
            await keys.find("second")  # away is not unknown
        issuer.keys.append(jwk("second"))
        await issuer.start()
        await until(lambda: keys.at_hand("second") is not None)
        assert await keys.find("third") is None


async def test_gives_up_known_keys_that_are_stale(issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    async with SigningKeys(issuer.url, cool_down_seconds=0.05, refresh_seconds=0.05, stale_seconds=1) as keys:
        assert await keys.find("first") is not None
        issuer.status = 503
        await until(lambda: "known keys: the answer is 503" in caplog.text)
        assert keys.at_hand("first") is not None
        await until(lambda: keys.at_hand("first") is None)
        with pytest.raises(Unavailable):
            await keys.find("first")
        issuer.status = 200
        await until(lambda: keys.at_hand("first") is not None)


async def test_opens_without_its_issuer_and_finds_it_later(issuer: Issuer) -> None:
    await issuer.stop()
    async with SigningKeys(issuer.url, cool_down_seconds=0.05) as keys:
        with pytest.raises(Unavailable):
            await keys.find("first")
        await issuer.start()
        await until(lambda: keys.at_hand("first") is not None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"keys": null}',
        b'{"keys": {"kid": "first"}}',
        b'{"keys": []}',
        b"<html>503 Service Unavailable</html>",
        b'{"keys": [\xff]}',
        b"[" * 100_000,
        json.dumps({"keys": [jwk("first")]}).encode() + b" " * SIZE_LIMIT,
    ],
    ids=lambda body: body[:30].decode(errors="replace"),
)
async def test_does_not_let_garbage_replace_the_known_keys(
    issuer: Issuer, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with SigningKeys(issuer.url, cool_down_seconds=0.05, refresh_seconds=0.05) as keys:
        first = await keys.find("first")
        issuer.body = body
        await until(lambda: "cannot be had, going on with 1 known keys" in caplog.text)
        assert keys.at_hand("first") is first
        with pytest.raises(Unavailable):
            await keys.find("second")


async def test_survives_a_fault_of_ours(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with SigningKeys(issuer.url, cool_down_seconds=0.05, refresh_seconds=0.05) as keys:
        first = await keys.find("first")
        with monkeypatch.context() as patch:
            patch.setattr("api.auth.jwks.parse_key_set", None)
            await until(lambda: "TypeError" in caplog.text)
            assert keys.at_hand("first") is first
            with pytest.raises(Unavailable):
                await keys.find("second")
        await until(lambda: keys.is_answered)


async def test_reads_a_key_set_of_the_largest_size(issuer: Issuer) -> None:
    issuer.body = json.dumps({"keys": [jwk("first")]}).encode().ljust(SIZE_LIMIT)
    async with SigningKeys(issuer.url) as keys:
        assert await keys.find("first") is not None


async def test_follows_no_redirect(issuer: Issuer) -> None:
    issuer.status, issuer.headers = 302, {"Location": issuer.url}
    async with SigningKeys(issuer.url) as keys:
        with pytest.raises(Unavailable):
            await keys.find("first")
    assert issuer.asked == 1


async def test_unpacks_no_compressed_answer(issuer: Issuer) -> None:
    issuer.body = gzip.compress(json.dumps({"keys": [jwk("first")]}).encode())
    issuer.headers = {"Content-Encoding": "gzip"}
    async with SigningKeys(issuer.url) as keys:
        with pytest.raises(Unavailable):
            await keys.find("first")


async def test_cuts_an_answer_that_drips(issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    issuer.drips = True
    async with SigningKeys(issuer.url, read_seconds=0.3) as keys:
        with pytest.raises(Unavailable):
            await keys.find("first")
    assert "TimeoutError" in caplog.text


async def test_asks_an_issuer_on_this_machine_without_a_proxy(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with SigningKeys(issuer.url) as keys:
        assert await keys.find("first") is not None


async def test_closes_while_a_fetch_is_under_way(issuer: Issuer) -> None:
    issuer.gate.clear()
    async with asyncio.timeout(2), SigningKeys(issuer.url) as keys:
        waiting = asyncio.create_task(keys.find("first"))
        await until(lambda: issuer.asked == 1)
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_says_which_keys_it_knows_when_they_change(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "api.auth.jwks")
    async with SigningKeys(issuer.url, cool_down_seconds=0.05, refresh_seconds=0.05) as keys:
        await keys.find("first")
        await until(lambda: issuer.asked >= 3)
        issuer.keys = [jwk("first"), jwk("second")]
        await until(lambda: keys.at_hand("second") is not None)
    assert caplog.messages == [
        f"The signing keys at {issuer.url} are first",
        f"The signing keys at {issuer.url} are first, second",
    ]


async def test_reads_a_file_and_what_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [jwk("first")]}))
    async with SigningKeys(str(path), cool_down_seconds=0.05) as keys:
        assert await keys.find("first") == rsa_key("first").public_key()
        path.write_text(json.dumps({"keys": [jwk("second")]}))
        async with asyncio.timeout(10):
            while await keys.find("second") is None:
                await asyncio.sleep(0.005)
        assert await keys.find("first") is None


@pytest.mark.parametrize("kind", ["missing", "directory", "pipe", "large"])
async def test_is_without_keys_while_the_file_is_not_one(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "jwks.json"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "large":
        path.write_bytes(json.dumps({"keys": [jwk("first")]}).encode().ljust(SIZE_LIMIT + 1))
    async with asyncio.timeout(5), SigningKeys(str(path)) as keys:
        with pytest.raises(Unavailable):
            await keys.find("first")
    why = f"it has more than {SIZE_LIMIT} bytes" if kind == "large" else "there is no such file"
    assert caplog.messages == [f"The signing keys at {path} cannot be had, going on with 0 known keys: {why}"]


UNUSABLE: dict[str, object] = {
    "null": None,
    "a number": 1,
    "a text": "first",
    "a list": [],
    "nothing": {},
    "an elliptic curve": {"kid": "bad", "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
    "a secret": {"kid": "bad", "kty": "oct", "k": "c2VjcmV0"},
    "of no type": jwk("bad", kty=None),
    "for encryption": jwk("bad", use="enc"),
    "for another algorithm": jwk("bad", alg="RS512"),
    "for another padding": jwk("bad", alg="PS256"),
    "1024 bits": jwk("bad", SHORT),
    "2047 bits": jwk("bad", n=encoded(((1 << 2046) + 1).to_bytes(256))),
    "8193 bits": jwk("bad", n=encoded(((1 << 8192) + 1).to_bytes(1025))),
    "private": jwk("bad", **RSAAlgorithm.to_jwk(rsa_key("bad"), as_dict=True)),
    "private with fewer members": jwk("bad", d=RSAAlgorithm.to_jwk(rsa_key("bad"), as_dict=True)["d"]),
    "no name": jwk("bad", kid=None),
    "a number for a name": jwk("bad", kid=7),
    "an empty name": jwk("bad", kid=""),
    "a long name": jwk("bad", kid="k" * 257),
    "a name of two lines": jwk("bad", kid="a\nb"),
    "a name beyond ASCII": jwk("bad", kid="schl\u00fcssel"),
    "no modulus": jwk("bad", n=None),
    "an empty modulus": jwk("bad", n=""),
    "a number for a modulus": jwk("bad", n=17),
    "a modulus beyond ASCII": jwk("bad", n="\u00fc"),
    "an exponent of 0": jwk("bad", e="AA"),
    "an exponent of 1": jwk("bad", e="AQ"),
    "a list for an exponent": jwk("bad", e=["AQAB"]),
}


@pytest.mark.parametrize("entry", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_takes_the_good_keys_out_of_any_company(entry: object) -> None:
    body = json.dumps({"keys": [entry, jwk("first"), entry, jwk("second"), entry]}).encode()
    keys = parse_key_set(body)
    assert keys == {name: rsa_key(name).public_key() for name in ("first", "second")}


def test_does_not_compute_with_private_members() -> None:
    private = RSAAlgorithm.to_jwk(rsa_key("bad"), as_dict=True)
    entries = [*[jwk("bad", d=private["d"])] * 20, jwk("first")]
    begun = time.monotonic()
    assert list(parse_key_set(json.dumps({"keys": entries}).encode())) == ["first"]
    assert time.monotonic() - begun < 1  # recovering the primes would take more than a tenth for each


def test_takes_a_key_that_does_not_say_what_it_is_for() -> None:
    body = json.dumps({"keys": [jwk("k" * 256, rsa_key("first"), use=None, alg=None)]}).encode()
    assert parse_key_set(body) == {"k" * 256: rsa_key("first").public_key()}


def test_takes_the_first_good_key_of_a_name() -> None:
    entries = [jwk("first", SHORT), jwk("first"), jwk("first", rsa_key("other"))]
    keys = parse_key_set(json.dumps({"keys": entries}).encode())
    assert keys == {"first": rsa_key("first").public_key()}


the_first_text_takes_a_second = settings(suppress_health_check=[HealthCheck.too_slow])
members = st.one_of(st.none(), st.integers(), st.text(), st.lists(st.text(), max_size=2))


@the_first_text_takes_a_second
@given(st.dictionaries(st.sampled_from(["kty", "kid", "use", "alg", "n", "e", "d", "p", "q"]), members))
def test_loses_no_key_to_a_member_of_another_kind(changed: dict[str, object]) -> None:
    body = json.dumps({"keys": [{**jwk("other"), **changed}, jwk("first")]}).encode()
    assert parse_key_set(body)["first"] == rsa_key("first").public_key()


@the_first_text_takes_a_second
@given(st.binary() | st.recursive(members, st.lists).map(lambda value: json.dumps({"keys": value}).encode()))
def test_knows_one_way_to_say_that_a_key_set_is_unreadable(body: bytes) -> None:
    with pytest.raises(KeySetUnreadable):
        parse_key_set(body)
