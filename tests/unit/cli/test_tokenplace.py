"""No token is lost by writing another configuration beside the first one."""

from pathlib import Path

import pytest

from sync_worker.cli.tokenplace import place_for, token_there
from sync_worker.errors import UsageError


def configured(folder: Path, name: str, token_file: str) -> Path:
    """A configuration with its token."""
    (folder / token_file).write_text("x")
    (folder / name).write_text(f'[instances.main]\nbase_url = "x"\ntoken_file = "{token_file}"\n')
    return folder / name


def test_the_usual_name_while_it_is_free(tmp_path: Path) -> None:
    """Nothing is there to go on with either."""
    config = tmp_path / "a.toml"
    assert (place_for(config), token_there(config)) == (tmp_path / "canvas-token", None)


def test_beside_another_configuration(tmp_path: Path) -> None:
    """A name after the configuration; later its own file is the one to go on with."""
    configured(tmp_path, "a.toml", "canvas-token")
    config = tmp_path / "b.toml"
    assert (place_for(config), token_there(config)) == (tmp_path / "b.canvas-token", tmp_path / "canvas-token")
    configured(tmp_path, "b.toml", "b.canvas-token")
    assert (place_for(config), token_there(config)) == (tmp_path / "b.canvas-token", tmp_path / "b.canvas-token")


def test_its_own_may_be_replaced(tmp_path: Path) -> None:
    """Also by a path that is written otherwise; not where a second configuration names the same file."""
    config = configured(tmp_path, "a.toml", "canvas-token")
    assert place_for(config) == tmp_path / "canvas-token"
    config.write_text(f'[instances.main]\nwrite_token_file = "../{tmp_path.name}/canvas-token"\n')
    assert place_for(config) == tmp_path / "canvas-token"
    configured(tmp_path, "b.toml", "canvas-token")
    assert place_for(config) == tmp_path / "a.canvas-token"


@pytest.mark.parametrize("text", ["no TOML", 'token_file = "\\u0000"', "instances = 1", ""])
def test_a_token_that_nobody_knows_of(tmp_path: Path, text: str) -> None:
    """A configuration that does not say so owns nothing."""
    (tmp_path / "canvas-token").write_text("x")
    config = tmp_path / "a.toml"
    config.write_text(text)
    assert place_for(config) == tmp_path / "a.canvas-token"
    (tmp_path / "a.canvas-token").write_text("y")
    with pytest.raises(UsageError, match="nothing was written") as caught:
        place_for(config)
    assert "--token-file" in caught.value.hint
