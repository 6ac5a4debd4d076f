"""How people name users, one by one and many at once."""

from pathlib import Path

import pytest

from sync_worker.channels import RefKind, UserRef
from sync_worker.errors import SourceError
from sync_worker.settings import load_settings
from sync_worker.users.refs import parse_ref
from sync_worker.users.specs import AccountSpec, FileSpec, NamedSpec, QuerySpec, Spec, configured, listing, parse_spec


def ref(kind: RefKind, value: str = "") -> UserRef:
    """A reference without a place; places are not compared."""
    return UserRef(kind=kind, value=value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1042", ref(RefKind.ID, "1042")),
        (" 1042 ", ref(RefKind.ID, "1042")),
        ("1~1042", ref(RefKind.ID, "10000000001042")),
        ("id:7", ref(RefKind.ID, "7")),
        ("canvas_user_id:7", ref(RefKind.ID, "7")),
        ("sis:S1001", ref(RefKind.SIS, "S1001")),
        ("sis_user_id:S1001", ref(RefKind.SIS, "S1001")),
        ("SIS: 007 ", ref(RefKind.SIS, "007")),
        ("sis:a:b/c ü", ref(RefKind.SIS, "a:b/c ü")),
        ("login:x@example.com", ref(RefKind.LOGIN, "x@example.com")),
        ("login_id:x", ref(RefKind.LOGIN, "x")),
        ("sis_login_id:x", ref(RefKind.LOGIN, "x")),
        ("integration:y", ref(RefKind.INTEGRATION, "y")),
        ("integration_id:y", ref(RefKind.INTEGRATION, "y")),
        ("sis_integration_id:y", ref(RefKind.INTEGRATION, "y")),
    ],
)
def test_every_written_form_is_a_reference(text: str, expected: UserRef) -> None:
    """Ids come out in one form, so that one user is one reference."""
    found = parse_ref(text, "users.txt:3")
    assert found == expected
    assert found.where == "users.txt:3"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "S1001",
        "007",
        "0",
        "-1",
        "1~",
        "1e3",
        "9" * 30,
        "email:x@example.com",
        "sis:",
        "sis:a\x00b",
        "sis:" + "x" * 256,
        "sis:\udcff",
        "id:x",
        "\u0661",
    ],
)
def test_a_guess_is_an_error_with_place_and_hint(text: str) -> None:
    """A bare word may be a SIS id, a login name, a typing mistake: another person in any case."""
    with pytest.raises(SourceError) as caught:
        parse_ref(text, "users.txt:3")
    assert caught.value.where == "users.txt:3"
    assert caught.value.hint


@pytest.mark.parametrize("text", ["1.00000000001042E+16", "1,04E+03", "1042.0", "id:1.042E+03"])
def test_what_a_spreadsheet_has_made_of_a_number(text: str) -> None:
    """Long ids lose their digits: what they were cannot be guessed."""
    with pytest.raises(SourceError, match="a spreadsheet has rewritten the number") as caught:
        parse_ref(text, "users.csv:3")
    assert "Format the column as text" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "spec", "normal"),
    [
        ("account:self", AccountSpec(account="self"), "account:self"),
        (" account:12 ", AccountSpec(account="12"), "account:12"),
        ("account:sis_account_id:LAW", AccountSpec(account="sis_account_id:LAW"), "account:sis_account_id:LAW"),
        ("file:a/users.csv", FileSpec(path=Path("a/users.csv")), "file:a/users.csv"),
        ("query:a/users.sql", QuerySpec(path=Path("a/users.sql")), "query:a/users.sql"),
        (
            "id:3,1~5,3",
            NamedSpec(refs=(ref(RefKind.ID, "3"), ref(RefKind.ID, "10000000000005"))),
            "id:3,10000000000005",
        ),
        ("sis:S1, S2", NamedSpec(refs=(ref(RefKind.SIS, "S1"), ref(RefKind.SIS, "S2"))), "sis_user_id:S1,S2"),
        ("login:x", NamedSpec(refs=(ref(RefKind.LOGIN, "x"),)), "sis_login_id:x"),
        ("self", NamedSpec(refs=(ref(RefKind.SELF),)), "self"),
    ],
)
def test_every_spec_has_one_normal_form(text: str, spec: Spec, normal: str) -> None:
    """And the normal form is a spec again, the same one."""
    assert parse_spec(text) == spec
    assert spec.text == normal
    assert parse_spec(normal) == spec


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "says no users"),
        ("everybody", "says no users"),
        ("id:", "says no users"),
        ("users:1", "says no users"),
        ("id:1,,2", "no user here"),
        ("id:S1", "is no Canvas id"),
        ("account:LAW", "is no account"),
        ("account:0", "is no account"),
        ("query:", "says no users"),
    ],
)
def test_what_is_no_spec_says_why(text: str, words: str) -> None:
    """Exit code 2 and something to do."""
    with pytest.raises(SourceError, match=words) as caught:
        parse_spec(text)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1035", "id:1035"),
        ("1035,1036", "id:1035,1036"),
        ("acount:self", "account:self"),
        ("Account:7", "account:7"),
        ("account", "account:self"),
        ("slef", "self"),
        ("ids:1", "id:1"),
        ("people.csv", "file:people.csv"),
        ("new.sql", "query:new.sql"),
    ],
)
def test_a_near_miss_says_what_was_meant(text: str, meant: str) -> None:
    """And what was meant is a spec."""
    with pytest.raises(SourceError, match=f"^{text!r} says no users\\. Did you mean {meant}\\? Write"):
        parse_spec(text)
    parse_spec(meant)


@pytest.mark.parametrize("text", ["", "everybody", "id:", "x:y", "account\n:1\n1"])
def test_nobody_guesses_what_is_not_near(text: str) -> None:
    """Only the forms are told."""
    with pytest.raises(SourceError) as caught:
        parse_spec(text)
    assert "Did you mean" not in str(caught.value)


def test_a_mistake_of_the_configuration_has_its_place(tmp_path: Path) -> None:
    """File, line and setting, or the variable; each once."""
    config = tmp_path / "school.toml"
    head = '[instances.main]\nbase_url = "http://127.0.0.1:3000"\ntoken = "t0ken"\n'
    config.write_text(f'{head}users = ["self", "acount:self"]\n', encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        configured(load_settings(config, {}).instance("main"))
    where = f"{config}:4: instances.main.users, item 2"
    assert str(caught.value).startswith(f"{where}: 'acount:self' says no users. Did you mean account:self? Write")
    variable = "SYNC_WORKER_INSTANCES__MAIN__USERS"
    with pytest.raises(SourceError, match=rf"^{variable}: 'acount:self' says no users"):
        configured(load_settings(config, {variable: '["acount:self"]'}).instance("main"))


def test_only_accounts_are_listings() -> None:
    """Who is missing from a complete listing may be gone; who is missing from a file is not meant."""
    assert listing(parse_spec("account:self")) == "self"
    assert listing(parse_spec("id:1")) is None
    assert listing(parse_spec("file:x.csv")) is None
    assert listing(parse_spec("query:x.sql")) is None
