"""`check` as a monitor sees it: exit codes, one line, performance data."""

import re
import socket
from pathlib import Path

import pytest

from tests.integration.flows.harness import fetch
from tests.integration.flows.processes import Program, configured, sandbox_process

LINE = re.compile(r"SYNC-WORKER (OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]+( \| [^|\n]+)?\n")


GOOD_RUN = """
    INSERT INTO worker.runs (
        instance, kind, status, users_spec, source_fingerprint, started_at, finished_at, users_total, users_done,
        program_version, host, pid, started_by
    ) VALUES ('main', 'run', 'done', '{account:self}', '', now(), now(), 60, 60, '1', 'host', 1, 'user')
"""


async def sql(database_url: str, *statements: str) -> None:
    """Something happens."""
    for statement in statements:
        await fetch(database_url, statement)


@pytest.fixture
async def program(tmp_path: Path, database_url: str) -> Program:
    """A mirror whose last run ended just now; Canvas is away, and nobody asks it."""
    await sql(database_url, "INSERT INTO worker.instances (instance) VALUES ('main')", GOOD_RUN)
    return configured(tmp_path, database_url, "http://127.0.0.1:9")


def nagios(program: Program, *options: str) -> tuple[int, str]:
    """What the plugin ends with, and its one line."""
    done = program.run("check", "--format", "nagios", *options)
    assert LINE.fullmatch(done.stdout), done.stdout
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


@pytest.mark.long
def test_after_a_real_run(tmp_path: Path, database_url: str) -> None:
    """Exit 0 for both, with the figures of the run."""
    with sandbox_process(tmp_path, 60) as canvas:
        program = configured(tmp_path, database_url, canvas.base_url)
        assert program.run("run").returncode == 0
    done = program.run("check", "--max-age", "26h", "--min-coverage", "100")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"main: ok\n  the last good run ended \d+ (s|min) ago\n  coverage 100\.0 %\n", done.stdout)
    code, line = nagios(program)
    assert code == 0
    assert re.search(r"^SYNC-WORKER OK .* \| age=\d+s;93600;93600;0 coverage=100.0%;95:;95:;0;100 failures=0;", line)


@pytest.mark.long
async def test_a_warning(program: Program, database_url: str) -> None:
    """Users that cannot be read: exit 0 for people, 1 for Nagios."""
    failing = "INSERT INTO worker.failures (run_id, instance, reference, user_id, kind, message, reason, failed_at)"
    await sql(database_url, f"{failing} VALUES (1, 'main', 'id:7', 7, 'trouble', 'x', 'source', now())")
    assert nagios(program)[0] == 1
    done = program.run("check")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "main: warning")
    assert "  warning: 1 user or reference could not be read" in done.stdout.splitlines()
    status = program.run("status").stdout
    assert re.search(r"^  failures +1 user or reference, tried again by the next run$", status, re.MULTILINE), status


@pytest.mark.long
async def test_too_old(program: Program, database_url: str) -> None:
    """Exit 10, for Nagios 2; the option moves the limit."""
    await sql(database_url, "UPDATE worker.runs SET finished_at = now() - interval '30 hours'")
    assert nagios(program)[0] == 2
    assert nagios(program, "--max-age", "2d", "--warn-age", "29h")[0] == 1
    done = program.run("check")
    assert done.returncode == 10
    assert "  critical: the last good run ended 30 h ago (limit 26 h)" in done.stdout.splitlines()
    assert program.run("check", "--max-age", "31h").returncode == 0


@pytest.mark.long
async def test_too_few(program: Program, database_url: str) -> None:
    """Users of the last finished run that could be read, against the option or `[brake]`."""
    await sql(database_url, "UPDATE worker.runs SET users_done = 25, users_gone = 5")
    assert program.run("check", "--min-coverage", "50").returncode == 0
    assert program.run("check", "--min-coverage", "50.1").returncode == 10
    assert "coverage 50.0 % (limit 95 %)" in nagios(program)[1]


@pytest.mark.long
async def test_what_was_interrupted(program: Program, database_url: str) -> None:
    """A run that was killed, or stopped, since the last good one; a later good run settles it."""
    new = (
        "INSERT INTO worker.runs (instance, kind, status, users_spec, source_fingerprint, started_at, program_version, "
        "host, pid, started_by) SELECT 'main', 'run', '{status}', '{{self}}', '', now(), '1', 'h', 1, 'u'"
    )
    for number, status in enumerate(("interrupted", "running"), 2):
        await sql(database_url, new.format(status=status))
        code, line = nagios(program)
        assert (code, f"run 2{', 3' if number == 3 else ''}, " in line.replace(" |", ", |")) == (1, True), line
    await sql(database_url, "UPDATE worker.runs SET finished_at = now() + interval '1 second' WHERE id = 1")
    assert nagios(program)[0] == 0


@pytest.mark.long
def test_before_the_first_run(tmp_path: Path, database_url: str) -> None:
    """Nothing is fresh yet."""
    program = configured(tmp_path, database_url, "http://127.0.0.1:9")
    done = program.run("check")
    assert (done.returncode, done.stdout) == (
        10,
        "main: critical\n  critical: no run over all configured users has come to a good end yet\n",
    )
    assert nagios(program)[0] == 2


@pytest.mark.parametrize(
    ("expires", "code", "said"),
    [("2020-01-01", 2, "the token ended "), ("2999-01-01", 0, "token_days=")],
)
def test_the_end_of_the_token(program: Program, expires: str, code: int, said: str) -> None:
    """As the configuration knows it."""
    config = program.folder / "c.toml"
    config.write_text(f"{config.read_text()}token_expires = {expires}\n")
    done, line = nagios(program)
    assert (done, said in line) == (code, True)


@pytest.mark.long
def test_several_instances(program: Program) -> None:
    """The worst wins; --instance picks."""
    config = program.folder / "c.toml"
    config.write_text(f"{config.read_text()}[instances.other]\nbase_url = 'http://127.0.0.1:9'\ntoken_file = 'token'\n")
    code, line = nagios(program)
    assert (code, "main_age=" in line, " other_age=U;" in line) == (2, True, True)
    assert program.run("check").returncode == 10
    assert program.run("--instance", "main", "check").returncode == 0


def test_the_database_is_away(tmp_path: Path) -> None:
    """Critical to Nagios, exit 7 for people; without the password."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        away = f"postgresql://me:geheim@127.0.0.1:{free.getsockname()[1]}/x"
    program = configured(tmp_path, away, "http://127.0.0.1:9")
    code, line = nagios(program)
    assert (code, "the database cannot be reached" in line, "geheim" in line) == (2, True, False)
    assert program.run("check").returncode == 7


def test_a_schema_that_is_not_there(tmp_path: Path, empty_database_url: str) -> None:
    """Nobody knows how the mirror is."""
    code, line = nagios(configured(tmp_path, empty_database_url, "http://127.0.0.1:9"))
    assert (code, "lacks the migrations" in line) == (3, True)


@pytest.mark.sampled("option0")
@pytest.mark.parametrize(
    "option", [("--max-age", "soon"), ("--min-coverage", "101"), ("--min-coverage", "all"), ("--warn-age", "-1h")]
)
def test_a_wrong_option(program: Program, option: tuple[str, str]) -> None:
    """Nagios gets its line and its code; people exit 2."""
    code, line = nagios(program, *option)
    assert (code, f"{option[0]} {option[1]}: " in line) == (3, True)
    assert program.run("check", *option).returncode == 2


@pytest.mark.sampled("no TOML")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[run]\nbatch_siz = 1\nx | y", ("not valid TOML",)),
        ("[run]\nbatch_siz = 1\ngrace_period = 'x'\n", ("c.toml:2: run.batch_siz", "c.toml:3: run.grace_period")),
        (None, ("cannot read the configuration",)),
    ],
    ids=["no TOML", "mistakes", "no file"],
)
def test_a_broken_configuration(tmp_path: Path, text: str | None, said: tuple[str, ...]) -> None:
    """Every mistake is in the one line."""
    if text is not None:
        (tmp_path / "c.toml").write_text(text)
    code, line = nagios(Program(folder=tmp_path))
    assert code == 3
    assert [part for part in said if part not in line] == []


def test_several_mistakes_of_the_configuration(program: Program) -> None:
    """One line for Nagios, with something between them."""
    config = program.folder / "c.toml"
    config.write_text(f"{config.read_text()}per_pag = 1\n[webb]\n")
    code, line = nagios(program)
    assert (code, len(re.findall(r"c\.toml:\d+: ", line)), line.count("; c.toml:")) == (3, 2, 1), line
