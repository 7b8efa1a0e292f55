"""An opening that is turned away while GET on the route is answered: what it is blamed on."""

from __future__ import annotations

import json

import pytest

from tests.checks.test_other_shapes import good
from tests.checks.test_what_answers import HTML, JSON, Answer, examined, named

DETAIL = '{"detail":"no"}'
NGINX = "<hr><center>nginx/1.22.1</center>"


def found(answer: Answer) -> tuple[dict[str, object], set[str], list[str]]:
    """The finding of api.session by its id, with its evidence; the causes; who got the key."""
    result, with_key = examined(good(POST=answer))
    (session,) = (entry for entry in result.findings if entry.check == "api.session")
    return {session.id: session.evidence}, named(result), with_key


@pytest.mark.parametrize("status", [400, 404, 409, 415])
def test_the_apis_own_refusal_is_not_blamed_on_the_key_nor_on_a_proxy(status: int) -> None:
    session, causes, _ = found((status, JSON, DETAIL))
    assert list(session) == ["api.session.refused"]
    assert causes == {"api-response-mismatch"}


@pytest.mark.parametrize("status", [400, 404, 405, 413, 415])
def test_a_page_of_nginx_is_a_filter_in_front_and_not_the_key(status: int) -> None:
    session, causes, _ = found((status, {"server": "nginx", **HTML}, NGINX))
    assert session == {"api.session.barred": {"status": status, "author": "nginx"}}
    assert causes == {"proxy-denies-access"}


def test_what_nobody_signed_may_be_the_apis_own() -> None:
    result, _ = examined(good(POST=(400, {"content-type": "text/plain"}, "Bad Request")))
    (cause,) = result.diagnosis.causes
    assert cause.cause.id == "proxy-denies-access"
    assert [other.cause.id for other in cause.alternatives] == ["api-response-mismatch"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_the_post_alone_names_where_it_leads_and_is_not_followed(status: int) -> None:
    away = {"location": "https://other.test/api/sessions?next=secret"}
    session, causes, with_key = found((status, away, ""))
    target = "https://other.test/api/sessions"
    assert session == {"api.session.redirected": {"status": status, "target": target}}
    assert causes == {"api-post-redirected"}
    assert with_key == ["POST /api/sessions"]


@pytest.mark.parametrize("location", ["", "mailto:a@b.test", "https://[broken"])
def test_a_redirect_to_nowhere_is_no_redirect(location: str) -> None:
    session, causes, _ = found((302, {"location": location, **HTML}, ""))
    assert list(session) == ["api.session.barred"]
    assert "api-key-rejected" not in causes


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_the_key_is_still_the_keys(status: int) -> None:
    session, causes, _ = found((status, JSON, DETAIL))
    assert list(session) == ["api.session.masked"]
    assert causes == {"api-key-rejected"}


def test_eight_fields_that_are_missing_are_each_explained() -> None:
    """FastAPI repeats the body in each entry: the whole is longer than the excerpt that is kept."""
    names = [f"field_{number}" for number in range(8)]
    details = [
        {
            "type": "missing",
            "loc": ["body", name],
            "msg": "Field required",
            "input": {"a": "b" * 300},
        }
        for name in names
    ]
    body = json.dumps({"detail": details})
    assert len(body) > 2000
    session, causes, _ = found((422, JSON, body))
    assert session == {
        "api.session.invalid": {"problems": tuple(f"{name}: Field required" for name in names)}
    }
    assert causes >= {"api-body-refused"}
