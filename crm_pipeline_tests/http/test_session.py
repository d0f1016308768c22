"""The session over real HTTP: retries, pauses, redirects, lost answers, pacing, and secrets that stay secret."""

import logging
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from crm_pipeline.errors import AnswerLost, CrmUnavailable, HostNotAllowed, RateLimited, RequestRefused
from crm_pipeline.http import Answer, HostPolicy, LocalBudget, Meter, Patience, Session, TokenRefused, Verdict
from crm_pipeline.http.redaction import Redactor
from crm_pipeline.http.transport import Transport
from crm_pipeline_tests.http.scripted import Asked, Reply, Script, serving

QUICK = Patience(attempts=4, first=0.01, first_pause=0.01, longest=0.02, limit=2.0)
LOOPBACK = HostPolicy((".vendor.test",), ("127.0.0.1",))
SECRET = "s3cr3t-canary-value"


def session(meter: Meter = Meter("test", 0.0), **options: object) -> Session:
    return Session(LOOPBACK, meter, LocalBudget(), name="acme", patience=QUICK, **options)  # type: ignore[arg-type]


def classify(answer: Answer) -> Verdict:
    table = {
        401: Verdict("refresh"), 429: Verdict("pause", seconds=answer.retry_after or 0), 502: Verdict("retry"),
        400: Verdict("raise", error=RequestRefused("bad", status=400)),
    }  # fmt: skip
    return table.get(answer.status) or Verdict("retry" if answer.status == 200 and answer.json is None else "ok")


def first_then_fine(*replies: Reply) -> Script:
    return lambda asked, n: replies[n - 1] if n <= len(replies) else Reply(body=b'{"fine": true}')


@pytest.mark.parametrize(
    "bad",
    [
        Reply(502, b"<html>bad gateway</html>"),
        Reply(cut=True),
        Reply(body=b'{"cut": "in the', bytes_kept=5),
        Reply(body=b'{"valid length": but no'),
        Reply(429, b"<html>slow down</html>"),
        Reply(429, b"{}", {"Retry-After": "1"}),
    ],
)
def test_a_read_is_repeated_until_it_is_fine(bad: Reply) -> None:
    with serving(first_then_fine(bad, bad)) as server:
        talking = session()
        assert talking.send("GET", f"{server.url}/x", classify=classify).json == {"fine": True}
        assert talking.requests_made == len(server.asked) == 3


def test_patience_ends() -> None:
    with serving(lambda asked, n: Reply(502)) as server:
        with pytest.raises(CrmUnavailable):
            session().send("GET", f"{server.url}/x", classify=classify)
        assert len(server.asked) == QUICK.attempts


def test_a_long_pause_is_raised_not_sat_out() -> None:
    with serving(lambda asked, n: Reply(429, headers={"Retry-After": "300"})) as server:
        talking = session(Meter("m", 0.1))
        began = time.monotonic()
        with pytest.raises(RateLimited) as raised:
            talking.send("GET", f"{server.url}/x", classify=classify)
        assert raised.value.until is not None
        with pytest.raises(RateLimited):
            talking.send("GET", f"{server.url}/x", classify=classify)
        assert time.monotonic() - began < 2
        assert len(server.asked) == 1, "while the meter is paused nothing is sent"


@pytest.mark.parametrize(
    ("bad", "error"), [(Reply(cut=True), AnswerLost), (Reply(502), AnswerLost), (Reply(400), RequestRefused)]
)
def test_a_write_whose_outcome_is_unknown_is_never_repeated(bad: Reply, error: type[Exception]) -> None:
    with serving(first_then_fine(bad)) as server:
        with pytest.raises(error):
            session().send("POST", f"{server.url}/x", json=[{"name": "x"}], classify=classify, safe=False)
        assert len(server.asked) == 1


def test_a_write_refused_for_speed_is_sent_again() -> None:
    with serving(first_then_fine(Reply(429))) as server:
        assert session().send("POST", f"{server.url}/x", json=[1], classify=classify, safe=False).status == 200
        assert [asked.body for asked in server.asked] == [b"[1]", b"[1]"]


def test_a_write_that_never_left_is_only_unavailable() -> None:
    with serving(first_then_fine()) as server:
        gone = server.url
    with pytest.raises(CrmUnavailable):
        session().send("POST", f"{gone}/x", json=[1], classify=classify, safe=False)


def test_a_refused_token_is_told() -> None:
    with serving(lambda asked, n: Reply(401)) as server, pytest.raises(TokenRefused):
        session().send("GET", f"{server.url}/x", classify=classify)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_keeps_method_and_body_and_tells_where_it_went(status: int) -> None:
    with serving(first_then_fine()) as new:
        moved = Reply(status, headers={"Location": f"{new.url}/moved?a=1"})
        with serving(lambda asked, n: moved) as old:
            answer = session().send(
                "POST", f"{old.url}/x?a=1", headers={"Authorization": "Bearer tttt"}, json=[1], classify=classify
            )
        assert answer.url == f"{new.url}/moved?a=1"
        (asked,) = new.asked
        assert (asked.method, asked.body, asked.headers["Authorization"]) == ("POST", b"[1]", "Bearer tttt")


def test_authorisation_does_not_follow_to_a_stranger() -> None:
    with serving(first_then_fine()) as new:
        stranger = new.url.replace("127.0.0.1", "localhost")
        with serving(lambda asked, n: Reply(302, headers={"Location": stranger})) as old:
            hosts = HostPolicy((), ("127.0.0.1", "localhost"))
            talking = Session(hosts, Meter("m", 0.0), LocalBudget(), patience=QUICK)
            talking.send("GET", f"{old.url}/x", headers={"Authorization": "Bearer tttt"}, classify=classify)
        assert "Authorization" not in new.asked[0].headers


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/latest", "https://evil.test/", "http://acme.vendor.test/x", "//evil.test/x"]
)
def test_a_redirect_out_of_the_allowed_hosts_is_not_followed(location: str) -> None:
    with serving(lambda asked, n: Reply(302, headers={"Location": location})) as server, pytest.raises(HostNotAllowed):
        session().send("GET", f"{server.url}/x", classify=classify)


def test_endless_redirects_end() -> None:
    with serving(lambda asked, n: Reply(302, headers={"Location": "/x"})) as server, pytest.raises(CrmUnavailable):
        session().send("GET", f"{server.url}/x", classify=classify)


def test_an_answer_may_not_be_larger_than_memory_allows() -> None:
    hosts = HostPolicy((), ("127.0.0.1",))
    with serving(lambda asked, n: Reply(body=b'"' + b"x" * 10_000 + b'"')) as server, pytest.raises(CrmUnavailable):
        small = Transport(hosts, Redactor(), most_bytes=1_000)
        session(transport=small).send("GET", f"{server.url}/x", classify=classify)


def test_requests_of_all_threads_keep_the_meter_in_any_second() -> None:
    with serving(first_then_fine()) as server:
        talking = session(Meter("m", 1 / 40))
        workers = [
            threading.Thread(target=lambda: [talking.send("GET", f"{server.url}/x", classify=classify) for _ in range(15)])
            for _ in range(4)
        ]  # fmt: skip
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        times = sorted(asked.at for asked in server.asked)
        assert talking.requests_made == len(times) == 60
        assert all(later - earlier > 0.9 for earlier, later in zip(times, times[40:], strict=False))
        assert times[-1] - times[0] < 60 / 40 * 1.5, "waiting for the meter is the only wait"


def test_a_stopped_session_does_not_wait_on() -> None:
    talking = session(Meter("m", 1.9))
    talking.stop()
    with serving(first_then_fine()) as server, pytest.raises(CrmUnavailable):
        for _ in range(2):
            talking.send("GET", f"{server.url}/x", classify=classify)


@pytest.mark.parametrize(
    "script",
    [
        first_then_fine(*[Reply(cut=True)] * 9),
        first_then_fine(*[Reply(502, f"<html>{SECRET}".encode())] * 9),
        lambda asked, n: Reply(302, headers={"Location": f"https://evil.test/{SECRET}"}),
        lambda asked, n: Reply(302, headers={"Location": f"/rest/1/{SECRET}/"}),
        lambda asked, n: Reply(429, SECRET.encode(), {"Retry-After": "500"}),
    ],
)
@pytest.mark.parametrize("safe", [True, False])
def test_no_failure_tells_a_secret(script: Script, safe: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    talking = session(secrets=(SECRET,))
    with serving(script) as server, pytest.raises(Exception) as raised:
        talking.send(
            "GET", f"{server.url}/rest/1/{SECRET}/x", headers={"Authorization": f"Bearer {SECRET}"}, classify=classify, safe=safe
        )
    error: BaseException | None = raised.value
    while error is not None:
        assert SECRET not in "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))
        assert error.__suppress_context__ or error.__context__ is None
        error = error.__cause__
    assert caplog.records
    assert not any(SECRET in record.getMessage() + str(vars(record)) for record in caplog.records)
    assert SECRET not in repr(talking)


def test_an_error_that_repeats_a_secret_is_read_without_it() -> None:
    echo = Reply(400, f'{{"code": "{SECRET}", "detail": ["not {SECRET} again"]}}'.encode())
    said: list[object] = []

    def listen(answer: Answer) -> Verdict:
        said.append(answer.json)
        return classify(answer)

    with serving(lambda asked, n: echo) as server, pytest.raises(RequestRefused):
        session(secrets=(SECRET,)).send("GET", f"{server.url}/x", classify=listen)
    assert said == [{"code": "***", "detail": ["not *** again"]}]


def test_each_request_is_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "crm_pipeline.http")
    with serving(first_then_fine()) as server:
        session().send("GET", f"{server.url}/api/v4/leads", classify=classify)
    (line,) = caplog.records
    assert "GET" in line.getMessage()
    assert (line.__dict__["connection"], line.__dict__["path"], line.__dict__["status"]) == ("acme", "/api/v4/leads", 200)


def test_characters_postgres_cannot_hold_are_dropped() -> None:
    bodies = {1: rb'{"a": "x\u0000y"}', 2: rb'{"a": "x\ud800y"}'}
    with serving(lambda asked, n: Reply(body=bodies[n])) as server:
        talking = session()
        for _ in bodies:
            assert talking.send("GET", f"{server.url}/x", classify=classify).json == {"a": "xy"}


def test_json_and_forms_are_sent_as_such() -> None:
    def script(asked: Asked, n: int) -> Reply:
        return Reply(body=b"[1]")

    with serving(script) as server:
        session().send("POST", f"{server.url}/x", json={"имя": 1}, classify=classify)
        session().send("POST", f"{server.url}/x", form={"a[b]": "1"}, params={"q": ["1", "2"]}, classify=classify)
    one, other = server.asked
    assert (one.headers["Content-Type"], one.body) == ("application/json", '{"имя":1}'.encode())
    assert (other.headers["Content-Type"], other.body, other.path) == (
        "application/x-www-form-urlencoded",
        b"a%5Bb%5D=1",
        "/x?q=1&q=2",
    )


def test_what_an_account_was_asked_is_known_to_all_sessions_set_apart() -> None:
    """Those who ask at the same time ask once; who failed to ask leaves it to the next."""
    asked: list[str] = []
    first = session()
    others = [first.apart() for _ in range(4)]

    def ask() -> str:
        asked.append("fields")
        return "answer"

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda one: one.memory.recall("fields", ask), others)) == ["answer"] * 4
    assert asked == ["fields"]
    others[0].memory.recall("fields", ask, again=True)
    first.memory.forget("fields")
    with pytest.raises(CrmUnavailable):
        first.memory.recall("fields", lambda: (_ for _ in ()).throw(CrmUnavailable("not now")))
    assert (others[1].memory.recall("fields", ask), len(asked)) == ("answer", 3)
    assert session().memory.recall("fields", lambda: "another account's") == "another account's"
