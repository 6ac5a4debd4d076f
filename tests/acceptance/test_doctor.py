"""`doctor`, `init`, `completion` and `db migrate --dry-run` as people meet them."""

import json
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest

from sync_worker.settings import load_settings
from tests.integration.flows.harness import fetch
from tests.integration.flows.processes import (
    PROGRAM,
    TOKEN,
    Program,
    SandboxProcess,
    configured,
    environment,
    sandbox_process,
)
from tests.integration.flows.terminal import CTRL_C, Terminal, at_terminal, on_terminal

CONTACT = "lms@school.example"


@pytest.fixture(scope="module")
def canvas(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A school in a process of its own; nobody changes it."""
    with sandbox_process(tmp_path_factory.mktemp("canvas"), 30, throttle=True) as running:
        yield running


# --- doctor ---------------------------------------------------------------------------------------------


async def test_doctor_for_people_and_programs(tmp_path: Path, database_url: str, canvas: SandboxProcess) -> None:
    """One line a check; JSON has the same; exit 0 with warnings, that of a run with failures."""
    program = configured(tmp_path, database_url, canvas.base_url)
    done = program.run("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "main" in lines
    assert re.search(r"^ok       token +valid: user 1000 \(user1000\)", done.stdout, re.MULTILINE)
    assert lines[-1] == "19 ok, 3 not tested"
    told = json.loads(program.run("doctor", "--format", "json").stdout)
    assert told["exit_code"] == 0
    assert len(told["checks"]) == 22
    assert {"instance", "name", "state", "finding", "remedy", "exit_code"} == told["checks"][0].keys()
    (tmp_path / "token").write_text("wrong")
    done = program.run("doctor")
    assert done.returncode == 5
    assert re.search(
        r"^failure  token +GET /users/self: Canvas refused the access token of ", done.stdout, re.MULTILINE
    )
    assert re.search(r"^ +→ Make a new token in Canvas", done.stdout, re.MULTILINE)
    assert await fetch(database_url, "SELECT * FROM worker.runs") == []


def test_an_exposed_secret_is_told_once(canvas: SandboxProcess) -> None:
    """As a finding, not as a line of the log too."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        program = configured(folder, "postgresql://127.0.0.1:1/none", canvas.base_url)
        (folder / "token").chmod(0o644)
        done = program.run("doctor")
        assert (done.stderr, done.stdout.count("holds a secret and is open to everybody")) == ("", 1)
    finally:
        shutil.rmtree(folder)


@pytest.mark.long
def test_a_configuration_that_cannot_be_used(tmp_path: Path) -> None:
    """Each mistake is a finding; exit 2."""
    (tmp_path / "c.toml").write_text("[run]\nbatch_siz = 1\ngrace_period = 'x'\n")
    done = Program(folder=tmp_path).run("doctor", "--format", "json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["exit_code"]) == (2, 2)
    assert [(each["state"], each["finding"].split(": ")[1]) for each in told["checks"]] == [
        ("failure", "run.batch_siz"),
        ("failure", "run.grace_period"),
        ("unknown", "configuration"),
    ]
    assert Program(folder=tmp_path).run("doctor").returncode == 2


# --- init -----------------------------------------------------------------------------------------------


def mode(path: Path) -> int:
    """Who may do what."""
    return stat.S_IMODE(path.stat().st_mode)


def answer(terminal: Terminal, question: str, text: str) -> None:
    """Wait for a question and type."""
    terminal.wait_for(question)
    terminal.type(f"{text}\n")


def test_init_at_a_terminal(tmp_path: Path, database_url: str, canvas: SandboxProcess) -> None:
    """Asks, hides the token, asks again after a wrong answer; writes private files, tests them, tells the cron line."""
    program = Program(folder=tmp_path)
    with at_terminal(program, "init") as terminal:
        answer(terminal, "Canvas (https", "http://school.example")
        terminal.wait_for("in the clear")
        answer(terminal, "Canvas (https", canvas.base_url)
        answer(terminal, "Access token", TOKEN)
        answer(terminal, "Database", "mysql://x")
        terminal.wait_for("must be")
        answer(terminal, "embedded]:", database_url)
        answer(terminal, "Contact", CONTACT)
        code = terminal.end()
    assert code == 0, terminal.screen
    assert TOKEN not in terminal.screen
    config, token = tmp_path / "c.toml", tmp_path / "canvas-token"
    assert (mode(config), mode(token)) == (0o600, 0o600)
    assert token.read_text() == f"{TOKEN}\n"
    assert TOKEN not in config.read_text()
    settings = load_settings(config, {})
    instance = settings.instance("main")
    assert (instance.base_url, instance.token_file, instance.user_agent_contact) == (canvas.base_url, token, CONTACT)
    assert settings.database_url().get_secret_value() == database_url
    assert "not tested" in terminal.screen
    assert f"15 3 * * *  {PROGRAM} --config {config} run >>" in terminal.screen
    assert {path.name for path in tmp_path.iterdir()} == {"c.toml", "canvas-token"}
    assert program.run("run").returncode == 0


@pytest.mark.sampled("0")
@pytest.mark.parametrize("answered", [0, 1, 2, 3])
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, canvas: SandboxProcess, answered: int) -> None:
    """At whichever question."""
    questions = (("Canvas (https", canvas.base_url), ("Access token", TOKEN), ("Database", "embedded"), ("Contact", ""))
    with at_terminal(Program(folder=tmp_path), "--config", "new/folder/c.toml", "init") as terminal:
        for question, text in questions[:answered]:
            answer(terminal, question, text)
        terminal.wait_for(questions[answered][0])
        terminal.type(CTRL_C)
        assert terminal.end() == 130
    assert terminal.screen.endswith("sync-worker: stopped; nothing was written\r\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_init_never_overwrites_unasked(tmp_path: Path, database_url: str, canvas: SandboxProcess) -> None:
    """No at the question, and --yes without --overwrite, leave it as it is."""
    config = tmp_path / "c.toml"
    config.write_text("# mine\n")
    (tmp_path / "t").write_text(TOKEN)
    (tmp_path / "t").chmod(0o600)
    program = Program(folder=tmp_path)
    with at_terminal(program, "init") as terminal:
        answer(terminal, "Replace it?", "n")
        assert terminal.end() == 2
    given = ("--base-url", canvas.base_url, "--token-file", "t", "--database-url", database_url, "--yes")
    done = program.run("init", *given)
    assert (done.returncode, config.read_text()) == (2, "# mine\n")
    assert "Add --overwrite" in done.stderr
    done = program.run("init", *given, "--overwrite")
    assert (done.returncode, done.stderr) == (0, "")
    instance = load_settings(config, {}).instance("main")
    assert (instance.token_file, instance.user_agent_contact) == (tmp_path / "t", None)
    assert not (tmp_path / "canvas-token").exists()


@pytest.mark.long
def test_a_second_init_leaves_the_first_ones_token_alone(tmp_path: Path) -> None:
    """Its token goes into a file of its own, and it says so; only what a configuration alone names is replaced."""
    nowhere = ("--base-url", "http://127.0.0.1:1", "--database-url", "postgresql://u@127.0.0.1:1/x", "--contact", "")
    program = Program(folder=tmp_path)

    def made(name: str, said: str, *options: str, typed: str) -> None:
        with at_terminal(program, "--config", name, "init", *nowhere, *options) as terminal:
            if said:
                answer(terminal, "Use that one?", "n")
                terminal.wait_for(said)
            answer(terminal, "Access token", typed)
            terminal.end()

    made("a.toml", "", typed="token-of-a")
    made("b.toml", "canvas-token stays as it is: the token for b.toml goes into b.canvas-token", typed="token-of-b")
    made("b.toml", "Access token", "--overwrite", typed="new-token-of-b")
    assert (tmp_path / "canvas-token").read_text() == "token-of-a\n"
    assert (tmp_path / "b.canvas-token").read_text() == "new-token-of-b\n"
    named = {name: load_settings(tmp_path / name, {}).instance("main").token_file for name in ("a.toml", "b.toml")}
    assert named == {"a.toml": tmp_path / "canvas-token", "b.toml": tmp_path / "b.canvas-token"}
    assert mode(tmp_path / "b.canvas-token") == 0o600
    made("a.toml", "Access token", "--overwrite", typed="new-token-of-a")
    assert (tmp_path / "canvas-token").read_text() == "new-token-of-a\n"
    assert {path.name for path in tmp_path.iterdir()} == {"a.toml", "b.toml", "canvas-token", "b.canvas-token"}


@pytest.mark.sampled("options0")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--base-url"),
        (("--base-url", "https://school.example", "--yes"), "--token-file"),
        (("--base-url", "https://school.example/x"), "--base-url: the URL must not have a path"),
        (("--base-url", "http://school.example"), "in the clear"),
        (("--base-url", "localhost:3000"), "--base-url: write http://localhost:3000 or https://localhost:3000"),
        (("--base-url", "127.0.0.1"), "--base-url: write http://127.0.0.1 or https://127.0.0.1"),
        (("--base-url", "school.example", "--token-file", "nothing"), "nothing is no file"),
        (("--base-url", "school.example", "--token-file", "t", "--database-url", "x", "--yes"), "--database-url: "),
        (("--base-url", "school.example", "--token-file", "t", "--contact", "a\nb", "--yes"), "--contact: "),
    ],
)
def test_init_without_a_terminal(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    """What is missing or wrong is named, and nothing is written."""
    (tmp_path / "t").write_text("x")
    done = Program(folder=tmp_path).run("init", *options)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_init_says_what_is_wrong_with_what_it_wrote(tmp_path: Path, database_url: str, canvas: SandboxProcess) -> None:
    """The exit code is doctor's; the files stay, to be put right."""
    (tmp_path / "t").write_text("wrong")
    (tmp_path / "t").chmod(0o600)
    given = ("--base-url", canvas.base_url, "--token-file", "t", "--database-url", database_url, "--contact", CONTACT)
    done = Program(folder=tmp_path).run("--instance", "school-1", "init", *given, "--yes")
    assert (done.returncode, "Canvas refused the access token" in done.stdout) == (5, True)
    assert list(load_settings(tmp_path / "c.toml", {}).instances) == ["school-1"]


# --- completion -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "completed"),
    [("sync-worker docto", "doctor "), ("sync-worker db mig", "migrate "), ("sync-worker check --max", "--max-age ")],
)
def test_tab_in_bash(tmp_path: Path, typed: str, completed: str) -> None:
    """The script that `completion bash` prints, in a bash of its own, at the press of Tab."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash on this machine")
    path = f"{Path(PROGRAM).parent}{os.pathsep}{os.environ['PATH']}"
    with on_terminal([bash, "--norc", "--noprofile", "-i"], tmp_path, {**environment(), "PATH": path}) as terminal:
        terminal.type("PS1=''; source <(sync-worker completion bash); echo rea''dy\n")
        terminal.wait_for("ready\r\n")
        terminal.screen = ""
        terminal.type(f"{typed}\t")
        terminal.wait_for(typed.rsplit(" ", 1)[0] + f" {completed}")


@pytest.mark.parametrize(
    ("shell", "sign"), [("bash", "complete -o default -F "), ("zsh", "compdef "), ("fish", "complete --command ")]
)
def test_a_script_for_each_shell(tmp_path: Path, shell: str, sign: str) -> None:
    """On stdout, and about this program."""
    done = Program(folder=tmp_path).run("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert sign in done.stdout
    assert "sync-worker" in done.stdout
    assert "_SYNC_WORKER_COMPLETE" in done.stdout


def test_fish_and_zsh_are_answered(tmp_path: Path) -> None:
    """As their scripts ask."""
    asked = {"_SYNC_WORKER_COMPLETE": "complete_fish", "_TYPER_COMPLETE_ARGS": "sync-worker db mi"}
    done = Program(folder=tmp_path).run(**asked, _TYPER_COMPLETE_FISH_ACTION="get-args")
    assert done.stdout.split()[0] == "migrate"
    asked = {"_SYNC_WORKER_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "sync-worker db mi"}
    assert '"migrate"' in Program(folder=tmp_path).run(**asked).stdout


# --- db migrate -----------------------------------------------------------------------------------------


@pytest.mark.long
async def test_a_dry_run_of_the_migrations(tmp_path: Path, empty_database_url: str) -> None:
    """Says what would be applied and applies nothing; then it is applied; then there is nothing."""
    program = configured(tmp_path, empty_database_url, "http://127.0.0.1:9")
    rehearsed = program.run("db", "migrate", "--dry-run")
    assert rehearsed.returncode == 0
    names = [line.removeprefix("would apply ") for line in rehearsed.stdout.splitlines()]
    assert names[0] == "0001 mirror_and_ledger"
    assert await fetch(empty_database_url, "SELECT to_regnamespace('worker')::text AS s") == [{"s": None}]
    assert program.run("db", "status").returncode == 10
    done = program.run("db", "migrate")
    assert done.stdout.splitlines() == [f"applied {name}" for name in names]
    assert program.run("db", "status").returncode == 0
    assert program.run("db", "migrate", "--dry-run").stdout == "the schema is current\n"


@pytest.mark.long
async def test_a_newer_schema_is_refused_by_every_command(tmp_path: Path, database_url: str) -> None:
    """Exit 2 and what to do; nothing is migrated or read."""
    await fetch(database_url, "INSERT INTO worker.migrations VALUES (9999, 'future', 'x')")
    program = configured(tmp_path, database_url, "http://127.0.0.1:9")
    for command in (
        ("run",),
        ("status",),
        ("check",),
        ("db", "migrate"),
        ("db", "migrate", "--dry-run"),
        ("db", "status"),
    ):
        done = program.run(*command)
        assert (done.returncode, "upgrade this program" in done.stderr) == (2, True), command
    assert await fetch(database_url, "SELECT * FROM worker.runs") == []
