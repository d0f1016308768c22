"""Logging in and staying logged in: tokens that rotate, tokens that are forged, devices whose access is taken away."""

import base64
import hmac
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from crm_pipeline.api import tokens
from crm_pipeline.database.passwords import hash_password, is_right
from crm_pipeline.stages.accounts import set_password
from crm_pipeline_tests.api.conftest import PASSWORD, Api

WHO = "/api/auth/devices"


def log_in(api: Api, username: str, password: str) -> httpx.Response:
    return api.anonymous.post("/api/auth/login", json={"username": username, "password": password})


def go_on(api: Api, token: str) -> httpx.Response:
    return api.anonymous.post("/api/auth/refresh", json={"refresh_token": token})


def ask(api: Api, token: str) -> int:
    return api.anonymous.get(WHO, headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_login_gives_tokens_that_open_the_door(api: Api) -> None:
    name = api.add_user("agent", username="Ольга")
    answer = log_in(api, name.upper(), PASSWORD)
    told = answer.json()
    assert answer.status_code == 200 and set(told) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (told["token_type"], told["expires_in"]) == ("bearer", 900)
    assert ask(api, told["access_token"]) == 200
    kept = str(api.rows("SELECT token_hash, password_hash FROM sync.refresh_tokens, sync.api_users"))
    assert told["refresh_token"] not in kept and PASSWORD not in kept and "$argon2id$" in kept


def test_unknown_user_wrong_password_and_disabled_user_are_one_answer(api: Api) -> None:
    name, gone = api.add_user("agent"), api.add_user("agent")
    api.rows("UPDATE sync.api_users SET disabled_at = now() WHERE username = %(name)s RETURNING id", name=gone)
    answers = [log_in(api, name, "wrong"), log_in(api, "nobody", "wrong"), log_in(api, gone, PASSWORD)]
    said = [{**answer.json(), "request_id": ""} for answer in answers]
    assert [answer.status_code for answer in answers] == [401] * 3 and said[0] == said[1] == said[2]


def test_an_unknown_user_costs_as_much_as_a_wrong_password(api: Api) -> None:
    name = api.add_user("agent")
    log_in(api, "nobody", "wrong")
    known, unknown = ([_seconds(api, who) for _ in range(4)] for who in (name, "nobody-else"))
    assert min(unknown) > min(known) / 3, (known, unknown)
    assert statistics.median(unknown) < statistics.median(known) * 5 + 0.05


def _seconds(api: Api, name: str) -> float:
    began = time.perf_counter()
    log_in(api, name, "wrong")
    return time.perf_counter() - began


def test_wrong_passwords_lock_for_longer_and_longer(api: Api) -> None:
    name = api.add_user("agent")
    for _ in range(5):
        assert log_in(api, name, "wrong").status_code == 401
    assert log_in(api, name, PASSWORD).status_code == 401, "locked"
    first = _locked_for(api, name)
    _unlock(api, name)
    log_in(api, name, "wrong")
    assert _locked_for(api, name) > first * 1.5
    _unlock(api, name)
    assert log_in(api, name, PASSWORD).status_code == 200
    assert api.rows("SELECT failed_logins, locked_until FROM sync.api_users") == [{"failed_logins": 0, "locked_until": None}]


def _locked_for(api: Api, name: str) -> float:
    (row,) = api.rows(
        "SELECT extract(epoch FROM locked_until - now())::float8 AS s FROM sync.api_users WHERE username = %(n)s", n=name
    )
    return row["s"]


def _unlock(api: Api, name: str) -> None:
    api.rows("UPDATE sync.api_users SET locked_until = now() WHERE username = %(n)s RETURNING id", n=name)


def test_refresh_tokens_rotate_and_a_used_one_ends_the_family(api: Api) -> None:
    first = api.login("agent").tokens
    second = go_on(api, first["refresh_token"]).json()
    assert ask(api, second["access_token"]) == 200
    third = go_on(api, second["refresh_token"]).json()
    assert go_on(api, first["refresh_token"]).status_code == 401, "used before"
    assert go_on(api, third["refresh_token"]).status_code == 401, "its family is void"
    assert [ask(api, one["access_token"]) for one in (first, second, third)] == [401] * 3
    assert api.rows("SELECT revoked_because FROM sync.devices") == [{"revoked_because": "reuse"}]


def test_of_two_who_bring_one_refresh_token_at_once_only_one_goes_on(api: Api) -> None:
    token = api.login("agent").tokens["refresh_token"]
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda _: go_on(api, token).status_code, range(8)))
    assert statuses == [200] + [401] * 7


def test_a_refresh_token_that_is_over_is_refused(api: Api) -> None:
    token = api.login("agent").tokens["refresh_token"]
    api.rows("UPDATE sync.refresh_tokens SET expires_at = now() RETURNING 1")
    assert go_on(api, token).json()["type"] == "/problems/invalid-refresh-token"


def test_logging_out_voids_this_device_at_once_and_no_other(api: Api) -> None:
    name = api.add_user("agent")
    phone, tablet = api.as_user(name), api.as_user(name)
    assert phone.post("/api/auth/logout").status_code == 204
    assert (phone.get(WHO).status_code, tablet.get(WHO).status_code) == (401, 200)
    assert go_on(api, phone.tokens["refresh_token"]).status_code == 401


def test_devices_are_seen_and_revoked_by_their_user_and_by_admins_only(api: Api) -> None:
    one, other, admin = api.login("agent"), api.login("operator"), api.login("admin")
    (own,) = one.get(WHO).json()["items"]
    assert own["current"] and own["username"] == one.username
    assert {device["username"] for device in admin.get(WHO).json()["items"]} == {one.username, other.username, admin.username}
    assert other.delete(f"{WHO}/{own['id']}").status_code == 404
    assert admin.delete(f"{WHO}/{own['id']}").status_code == 204
    assert one.get(WHO).status_code == 401
    assert admin.delete(f"{WHO}/{own['id']}").status_code == 404


def test_a_disabled_user_is_out_at_once(api: Api) -> None:
    agent = api.login("agent")
    api.rows("UPDATE sync.api_users SET disabled_at = now() RETURNING id")
    assert agent.get(WHO).status_code == 401
    assert go_on(api, agent.tokens["refresh_token"]).status_code == 401


def forged(api: Api, secret: str | None = None, alg: str = "HS256", header: Any = None, **instead: Any) -> str:
    """Return a token like ours with something else; a claim that is None is left out."""
    good = api.person("admin").tokens["access_token"]
    own = api.parts.settings.jwt_secrets[0]
    claims = {**jwt.decode(good, options={"verify_signature": False}), **instead}
    head = {"kid": tokens.key_id(own), "typ": tokens.KIND, **(header or {})}
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, secret if secret is not None else own, alg, head)


def unsigned(api: Api) -> str:
    _, payload, _ = forged(api).split(".")
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": tokens.KIND}).encode()).decode().rstrip("=")
    return f"{head}.{payload}."


def signed_with_a_public_key(api: Api, alg: str) -> str:
    """Return a token of RS256, or one of HS256 whose secret is a public key, which whoever mixes up the two believes."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if alg == "RS256":
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return forged(api, private.decode(), "RS256")
    head, payload, _ = _with_header(api, jwk={"kty": "RSA", "pem": public.decode()}).split(".")
    signature = hmac.new(public, f"{head}.{payload}".encode(), "sha256").digest()
    return f"{head}.{payload}.{_packed(signature)}"


def _packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


OLD, LATER = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
ATTACKS: dict[str, Any] = {
    "alg none": unsigned,
    "signature cut off": lambda api: forged(api).rpartition(".")[0] + ".",
    **{f"alg {word}": lambda api, word=word: _with_header(api, alg=word) for word in ("None", "NONE", "hs256", "", "HS256 ")},
    "alg none with our kid": lambda api: _with_header(api, alg="none").rpartition(".")[0] + ".",
    "alg that is a list": lambda api: _with_header(api, alg=["HS256"]),
    "RS256": lambda api: signed_with_a_public_key(api, "RS256"),
    "HS256 with a public key": lambda api: signed_with_a_public_key(api, "HS256"),
    "an empty key": lambda api: _signed_with_nothing(api),
    "another header under the same signature": lambda api: _with_header(api, x=1),
    "another payload under the same signature": lambda api: _with_payload(api, sub="1", role="admin", exp=9_999_999_999),
    "kid that is SQL": lambda api: forged(api, header={"kid": "' OR 1=1 --"}),
    "kid that is a number": lambda api: forged(api, header={"kid": "0"}),
    "no kid": lambda api: forged(api, header={"kid": ""}),
    "critical extension": lambda api: forged(api, header={"crit": ["x"], "x": 1}),
    "not yet good": lambda api: forged(api, nbf=LATER),
    "given out in the future": lambda api: forged(api, iat=LATER),
    "an end that is a text": lambda api: forged(api, exp="never"),
    "several audiences, none ours": lambda api: forged(api, aud=["a", "b"]),
    "without an audience": lambda api: forged(api, aud=None),
    "without an issuer": lambda api: forged(api, iss=None),
    "without a device": lambda api: forged(api, dev=None),
    "of nobody": lambda api: forged(api, sub=None),
    "of somebody else on this device": lambda api: forged(api, sub=str(_another(api))),
    "another key": lambda api: forged(api, "x" * 64),
    "another algorithm": lambda api: forged(api, alg="HS512"),
    "unknown kid": lambda api: forged(api, header={"kid": "000000000000"}),
    "kid that is a path": lambda api: forged(api, "\0", header={"kid": "../../dev/null"}),
    "kid that is a list": lambda api: _with_header(api, kid=["x"]),
    "a token of another kind": lambda api: forged(api, header={"typ": "JWT"}),
    "over": lambda api: forged(api, iat=OLD, exp=OLD + timedelta(minutes=15)),
    "without an end": lambda api: forged(api, exp=None),
    "without a beginning": lambda api: forged(api, iat=None),
    "for another audience": lambda api: forged(api, aud="other"),
    "of another issuer": lambda api: forged(api, iss="other"),
    "of another user": lambda api: forged(api, sub="999999"),
    "of an unknown device": lambda api: forged(api, dev=str(uuid4())),
    "of no device": lambda api: forged(api, dev="x"),
    "a number too large": lambda api: forged(api, sub="9" * 30),
    "a refresh token": lambda api: api.login("admin").tokens["refresh_token"],
    "not a token": lambda api: "a.b.c",
    "nothing": lambda api: "..",
}


def _with_header(api: Api, **more: Any) -> str:
    head, payload, signature = forged(api).split(".")
    return f"{_packed(json.dumps(_unpacked(head) | more).encode())}.{payload}.{signature}"


def _with_payload(api: Api, **more: Any) -> str:
    head, payload, signature = forged(api).split(".")
    return f"{head}.{_packed(json.dumps(_unpacked(payload) | more).encode())}.{signature}"


def _signed_with_nothing(api: Api) -> str:
    head, payload, _ = forged(api).split(".")
    return f"{head}.{payload}.{_packed(hmac.new(b'', f'{head}.{payload}'.encode(), 'sha256').digest())}"


def _unpacked(part: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(part + "=="))


def _another(api: Api) -> int:
    (row,) = api.rows("SELECT id FROM sync.api_users WHERE username = %(name)s", name=api.add_user("admin"))
    return row["id"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_forged_tokens_open_nothing(module_api: Api, attack: str) -> None:
    answer = module_api.anonymous.get(WHO, headers={"Authorization": f"Bearer {ATTACKS[attack](module_api)}"})
    assert answer.status_code == 401 and answer.json()["type"] == "/problems/unauthenticated"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_forger_can_make_a_good_one(module_api: Api) -> None:
    assert ask(module_api, forged(module_api)) == 200


def test_a_role_in_the_token_is_not_believed(module_api: Api) -> None:
    agent = module_api.login("agent")
    said = jwt.decode(agent.tokens["access_token"], options={"verify_signature": False})
    token = tokens.issue(module_api.parts.settings.jwt_secrets, int(said["sub"]), "admin", UUID(said["dev"]), datetime.now(UTC))
    answer = module_api.anonymous.get("/api/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403


def test_a_token_of_one_kind_is_not_taken_for_the_other(module_api: Api) -> None:
    told = module_api.login("agent").tokens
    assert ask(module_api, told["refresh_token"]) == 401
    assert go_on(module_api, told["access_token"]).json()["type"] == "/problems/invalid-refresh-token"
    assert ask(module_api, told["access_token"]) == 200


def test_another_password_logs_every_device_out(module_api: Api) -> None:
    phone = module_api.login("agent")
    tablet = module_api.as_user(phone.username)
    set_password(module_api.parts, phone.username, "another " + PASSWORD)
    for one in (phone, tablet):
        assert one.get(WHO).status_code == 401 and go_on(module_api, one.tokens["refresh_token"]).status_code == 401
    assert log_in(module_api, phone.username, PASSWORD).status_code == 401
    assert log_in(module_api, phone.username, "another " + PASSWORD).status_code == 200


def test_an_unknown_user_is_hashed_for_too() -> None:
    kept = hash_password("right")
    is_right(None, "once")  # makes the hash that is compared with
    known, unknown = (min(_worked(one) for _ in range(3)) for one in (kept, None))
    assert is_right(None, "nobody has this password") is False
    assert unknown > known / 3, "measured in seconds of this thread's work, not of the clock"


def _worked(kept: str | None) -> float:
    began = time.thread_time()
    assert not is_right(kept, "wrong")
    return time.thread_time() - began


def test_older_secrets_are_believed_and_the_newest_signs() -> None:
    old, new, now = "o" * 40, "n" * 40, datetime.now(UTC)
    token = tokens.issue([old], 1, "agent", uuid4(), now)
    assert tokens.read([new, old], token).user_id == 1
    assert jwt.get_unverified_header(tokens.issue([new, old], 1, "agent", uuid4(), now))["kid"] == tokens.key_id(new)
    with pytest.raises(tokens.BadToken):
        tokens.read([new], token)
