"""The pure parts of what deploys: units, what an archive may hold, which releases go."""

from __future__ import annotations

from pathlib import Path

import pytest

from eloquence_ops.deploy.remote.beginning import may_be_stopped
from eloquence_ops.deploy.remote.candidate import Watched, without_overrides
from eloquence_ops.deploy.remote.packages import served_by
from eloquence_ops.deploy.remote.place import Place
from eloquence_ops.deploy.remote.receiving import announced
from eloquence_ops.deploy.remote.tidying import to_prune
from eloquence_ops.deploy.remote.verification import as_shown
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.deploy.units import Wanted, render, word

WANTED = Wanted("eloquence-api.service", "/srv/my app", "r1", "ubuntu", "ubuntu")


@pytest.mark.parametrize(
    ("version", "detail"),
    [
        ("0.21.1", "uvicorn 0.21.1"),
        ("0.22.0", None),
        ("1.0.0", None),
        (None, "no uvicorn"),
    ],
)
def test_an_environment_has_the_uvicorn_that_serves_it(
    tmp_path: Path, version: str | None, detail: str | None
) -> None:
    packages = tmp_path / "lib/python3.11/site-packages"
    packages.mkdir(parents=True)
    (tmp_path / "pyvenv.cfg").write_text("version = 3.11.2\n", encoding="ascii")
    if version:
        described = packages / f"uvicorn-{version}.dist-info"
        described.mkdir()
        (described / "METADATA").write_text(f"Name: uvicorn\nVersion: {version}\n", "ascii")
    if detail is None:
        served_by(str(tmp_path))
        return
    with pytest.raises(Failed) as refused:
        served_by(str(tmp_path))
    assert (refused.value.kind, refused.value.detail) == ("launcher", detail)


def test_the_candidate_runs_the_release_itself_and_is_not_started_again() -> None:
    text = render(WANTED).candidate["eloquence-api-candidate.service"]
    assert '"/srv/my app/releases/r1/.eloquence/serve.py" api:app --public-on-signal' in text
    assert "/srv/my app/current" not in text
    assert "Restart=no\n" in text
    assert "Sockets=eloquence-api-candidate.socket\n" in text
    assert "[Install]" not in text


def test_every_unit_on_the_shared_socket_leaves_it_non_blocking() -> None:
    rendered = render(WANTED)
    assert "NonBlocking=true\n" in rendered.units["eloquence-api.service"]
    assert "NonBlocking=true\n" in rendered.candidate["eloquence-api-candidate.service"]


@pytest.mark.parametrize(
    ("looks", "left"),
    [
        ([10.0], 7.0),
        ([10.0, 10.5, 11.0], 6.0),
        # The machine stood still: whoever is watched had no time to die either.
        ([10.0, 20.0], 6.0),
        ([float(second) for second in range(8)], 0.0),
    ],
)
def test_what_nobody_looked_at_was_not_watched(looks: list[float], left: float) -> None:
    watched = Watched(7.0)
    assert [watched.left(now) for now in looks][-1] == left


def test_a_template_of_the_users_replaces_ours(tmp_path: Path) -> None:
    (tmp_path / "eloquence-api.service.j2").write_text("[Service]\nUser={{ user }}\n")
    rendered = render(WANTED, tmp_path)
    assert rendered.units["eloquence-api.service"] == "[Service]\nUser=ubuntu\n"
    assert "User=ubuntu\n" in rendered.candidate["eloquence-api-candidate.service"]
    assert "ListenStream=0.0.0.0:8083" in rendered.units["eloquence-api.socket"]


@pytest.mark.parametrize(
    ("text", "written"), [("a b", '"a b"'), ("50%", "50%%"), ('"', '"\\""'), ("$x", '"$$x"')]
)
def test_a_word_is_one_word_to_systemd(text: str, written: str) -> None:
    assert word(text) == written


@pytest.mark.parametrize(
    "rows",
    [
        [["/etc/passwd", "", 0, 0o644, None]],
        [["../up", "", 0, 0o644, None]],
        [["a/../../up", "", 0, 0o644, None]],
        [["a\0b", "", 0, 0o644, None]],
        [["out", "", 0, 0o777, "../../etc"]],
        [["out", "", 0, 0o777, "/etc"]],
        [["a", "", 0, 0o777, "b"], ["a/file", "", 0, 0o644, None]],
        [["a", "", 0, 0o644, None], ["a", "", 0, 0o644, None]],
    ],
)
def test_a_manifest_that_leads_elsewhere_is_refused(rows: list[object]) -> None:
    with pytest.raises(Failed) as failed:
        announced(rows)
    assert failed.value.kind == "files"


def test_odd_names_and_links_within_are_taken() -> None:
    names = ["a b", "$(reboot)", "line\nend", "l/ink"]
    rows: list[object] = [
        [name, "", 0, 0o644, "../a b" if "ink" in name else None] for name in names
    ]
    assert list(announced(rows)) == names


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("/a/python /a/serve.py api:app", "/a/python /a/serve.py api:app"),
        ('"/srv/my app/python" api:app', "/srv/my app/python api:app"),
        ("/srv/50%%/python", "/srv/50%/python"),
        ("%h/python", None),
        ('"unfinished', None),
    ],
)
def test_words_of_a_unit_are_compared_as_systemd_shows_them(
    written: str, shown: str | None
) -> None:
    assert as_shown(written) == shown


def test_of_a_drop_in_the_candidate_takes_all_but_what_makes_it_one() -> None:
    drop_in = (
        b"[Service]\nRestart=always\nExecStart=/bin/a \\\n  b\nEnvironment=A=1 \\\n  B=2\nNice=5\n"
    )
    expected = b"[Service]\nEnvironment=A=1 \\\n  B=2\nNice=5\n"
    assert without_overrides(drop_in) == expected


@pytest.mark.parametrize(
    ("unit", "may"),
    [
        ("eloquence-api.service", True),
        ("eloquence-api-candidate.service", True),
        ("eloquence-api-by-hand-1700000000.service", True),
        ("user@1000.service", True),
        ("eloquence-api-staging.service", False),
        ("nginx.socket", False),
    ],
)
def test_another_installation_is_not_taken_for_ours(unit: str, may: bool) -> None:
    place = Place("eloquence-api.service", "livekit.service", "/srv/api", "api:app", 8083)
    assert may_be_stopped(place, unit) is may


def test_the_newest_good_ones_and_those_that_are_needed_stay() -> None:
    records: list[dict[str, object]] = [
        {"id": f"r{at}", "good_at": float(at) if at != 3 else None} for at in range(1, 7)
    ]
    assert to_prune(records, 2, {"r1"}) == ["r2", "r3", "r4"]


def test_what_was_made_by_hand_stays_even_if_it_never_served() -> None:
    records: list[dict[str, object]] = [
        {"id": "by-hand", "good_at": None, "adopted": True},
        *({"id": f"r{at}", "good_at": float(at), "adopted": False} for at in range(1, 5)),
    ]
    assert to_prune(records, 2, {"r4"}) == ["r1", "r2"]
