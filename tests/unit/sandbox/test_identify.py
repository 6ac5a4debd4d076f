"""The forms of `:user_id`."""

import pytest

from sync_worker.sandbox.identify import RefKind, UserRef, parse_user_ref


@pytest.mark.parametrize(
    ("segment", "ref"),
    [
        ("self", UserRef(RefKind.SELF)),
        ("123", UserRef(RefKind.NUMBER, number=123)),
        ("10000000000123", UserRef(RefKind.NUMBER, number=123)),
        ("1~123", UserRef(RefKind.NUMBER, number=123)),
        ("sis_user_id:S1001", UserRef(RefKind.SIS, "S1001")),
        ("sis_user_id:a:b", UserRef(RefKind.SIS, "a:b")),
        ("sis_login_id:ada@example.edu", UserRef(RefKind.LOGIN, "ada@example.edu")),
        ("sis_integration_id:INT-1", UserRef(RefKind.INTEGRATION, "INT-1")),
        ("hex:sis_user_id:48656C6C6F", UserRef(RefKind.SIS, "Hello")),
        ("hex:sis_login_id:c3bc", UserRef(RefKind.LOGIN, "ü")),
    ],
)
def test_every_form_is_understood(segment: str, ref: UserRef) -> None:
    """A number, `self`, three SIS forms, their hex form, and both global forms."""
    assert parse_user_ref(segment) == ref


@pytest.mark.parametrize(
    "segment",
    ["", "abc", "20000000000123", "2~123", "~5", "5~", "1~2~3", "sis_user_id:", "hex:sis_user_id:4", "hex:48", "x:y"],
)
def test_nonsense_and_other_shards_name_nobody(segment: str) -> None:
    """None, which the server answers with 404."""
    assert parse_user_ref(segment) is None


def test_an_endless_number_names_nobody() -> None:
    """And does no harm."""
    assert parse_user_ref("9" * 8000) is None


def test_the_own_shard_is_an_option() -> None:
    """Global ids of another shard are local ones there."""
    assert parse_user_ref("30000000000123", shard=3) == UserRef(RefKind.NUMBER, number=123)
