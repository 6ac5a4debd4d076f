"""The program from outside: its speed, its streams, its exit codes."""

import itertools
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from sync_worker.settings import load_settings

ROOT = Path(__file__).parents[2]
HEAVY = ("aiohttp", "asyncpg", "pydantic_settings", "pydantic", "structlog", "uvloop", "rich", "asyncio")


def run(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """`python -m sync_worker` in a folder of its own, without the settings of whoever tests."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SYNC_WORKER_")}
    command = [sys.executable, "-m", "sync_worker", *arguments]
    return subprocess.run(
        command,
        cwd=cwd,
        env={**clean, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_is_instant(tmp_path: Path) -> None:
    """A quarter of a second, warm; the processor's time, because a busy machine is slow without the program's fault."""
    times = []
    for _ in range(7):
        start = processor_seconds()
        assert run("--help", cwd=tmp_path).returncode == 0
        times.append(processor_seconds() - start)
    assert min(times) < 0.25


def processor_seconds() -> float:
    """What all processes have used that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    """What takes long to import is imported by the command that needs it."""
    code = f"""
import sys
from sync_worker.cli.app import main
main(["--help"])
sys.exit(" ".join(name for name in {HEAVY!r} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_validate(tmp_path: Path) -> None:
    """A good configuration is summed up on stdout, without secrets."""
    (tmp_path / "token").write_text("geheim-token\n", encoding="utf-8")
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "c.toml").write_text(
        "[database]\nurl = 'postgresql://me:geheim@db.example.edu/mirror'\n"
        "[instances.main]\nbase_url = 'https://school.edu'\ntoken_file = 'token'\n"
        "[instances.test]\nbase_url = 'http://localhost:3000'\ntoken = 'geheim'\nusers = ['id:1,2']\n",
        encoding="utf-8",
    )
    done = run("--config", "c.toml", "validate", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("c.toml is valid: 2 instances\n")
    assert "db.example.edu" in done.stdout
    assert "https://school.edu, users account:self" in done.stdout
    assert "geheim" not in done.stdout


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may enter: pytest's own may not be."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.long
@pytest.mark.sampled("json")
@pytest.mark.parametrize("form", ["json", "console"])
def test_files_that_others_can_read(public: Path, form: str) -> None:
    """Each is told once, with mode and remedy; nothing stops because of it, and the secret is not shown."""
    config, token = public / "c.toml", public / "token"
    token.write_text("geheim", encoding="utf-8")
    config.write_text(
        "[instances.one]\nbase_url = 'http://localhost'\ntoken_file = 'token'\n"
        "[instances.two]\nbase_url = 'http://localhost'\ntoken_file = 'token'\n"
        "[instances.three]\nbase_url = 'http://localhost'\ntoken = 'geheim'\n"
        "[database]\nurl = 'postgresql://127.0.0.1:1/none'\n",
        encoding="utf-8",
    )
    for path in (config, token):
        path.chmod(0o644)
    done = run("--log-format", form, "--config", "c.toml", "validate", cwd=public)
    assert (done.returncode, done.stderr) == (0, "")
    told = [line for line in done.stdout.splitlines() if line.startswith("warning: ")]
    logged = run("--log-format", form, "--config", "c.toml", "status", cwd=public)
    warned = [line for line in logged.stderr.splitlines() if "chmod" in line]
    assert (logged.returncode, len(told), len(warned)) == (7, 2, 2)
    assert all(line.removeprefix("warning: ") in other for line, other in zip(told, warned, strict=True))
    open_to = "holds a secret and is open to everybody on this machine (mode 0644)"
    assert f"configuration: c.toml {open_to}; run: chmod 600 {config.resolve()}" in told[0]
    assert f"instances.one.token_file: {token} {open_to}; run: chmod 600 {token.resolve()}" in told[1]
    assert "geheim" not in done.stdout + logged.stderr
    for path in (config, token):
        path.chmod(0o600)
    assert "chmod" not in run("--config", "c.toml", "validate", cwd=public).stdout
    assert "chmod" not in run("--config", "c.toml", "status", cwd=public).stderr


def test_validate_says_everything_that_is_wrong(tmp_path: Path) -> None:
    """Exit 2; on stderr one line for each problem; nothing on stdout."""
    (tmp_path / "c.toml").write_text("[run]\nbatch_siz = 1\ngrace_period = 'x'\n", encoding="utf-8")
    done = run("validate", cwd=tmp_path, SYNC_WORKER_CONFIG="c.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert [line.split(": ")[:3] for line in done.stderr.splitlines()] == [
        ["sync-worker", "c.toml:2", "run.batch_siz"],
        ["sync-worker", "c.toml:3", "run.grace_period"],
    ]


def test_validate_reads_the_secrets(tmp_path: Path) -> None:
    """A missing secret file is found, each once, before a run would."""
    (tmp_path / "c.toml").write_text(
        "[database]\nurl_file = 'u'\n[instances.main]\nbase_url = 'http://localhost'\ntoken_file = 't'\n",
        encoding="utf-8",
    )
    done = run("--config", "c.toml", "validate", cwd=tmp_path)
    assert done.returncode == 2
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == [
        "database.url_file",
        "instances.main.token_file",
    ]


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """`… | true` says nothing on stderr."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "sync_worker", "--help"]
    done = subprocess.run(command, cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(write)
    assert done.stderr == b""


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_by_itself(tmp_path: Path, signum: signal.Signals) -> None:
    """It prints a configuration that is valid and leads to it, serves, and stops cleanly when told to."""
    command = [sys.executable, "-m", "sync_worker", "sandbox", "--users", "3", "--set", "token=my-own"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout is not None
        printed = "".join(itertools.islice(sandbox.stdout, 8))
        (tmp_path / "c.toml").write_text(printed, encoding="utf-8")
        instance = load_settings(tmp_path / "c.toml", {}).instance("sandbox")
        request = Request(  # noqa: S310  (the sandbox speaks http)
            f"{instance.base_url}/api/v1/users/self",
            headers={"Authorization": f"Bearer {instance.read_token().get_secret_value()}", "User-Agent": "test"},
        )
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            assert answer.status == 200
        sandbox.send_signal(signum)
        _, err = sandbox.communicate(timeout=60)
    assert (sandbox.returncode, err) == (128 + signum, "")


@pytest.mark.sampled("the keys are")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "speed=9"], "the keys are"),
        (["--set", "outflow"], "write KEY=VALUE"),
        (["--set", "outflow=fast"], "outflow"),
        (["--users", "-1"], "--users"),
    ],
)
def test_wrong_knobs(tmp_path: Path, arguments: list[str], message: str) -> None:
    """A knob that does not exist, or cannot have the value, is a usage error."""
    done = run("sandbox", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """Somebody else listens there: exit 2, and who may read it understands."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("sandbox", "--port", str(taken.getsockname()[1]), "--users", "1", cwd=tmp_path)
    assert done.returncode == 2
    assert "cannot listen on 127.0.0.1" in done.stderr


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-runtime.lock"])
def test_lock_files_name_no_index(name: str) -> None:
    """Versions and hashes, no address."""
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text


def test_the_runtime_lock_is_a_part_of_the_whole() -> None:
    """Users get what was tested: the same versions, the same hashes."""
    whole, runtime = (
        {entry.replace("\\\n", "") for entry in (ROOT / name).read_text(encoding="utf-8").split("\n") if entry}
        for name in ("requirements.lock", "requirements-runtime.lock")
    )
    assert {line for line in runtime if "--hash" in line} <= {line for line in whole if "--hash" in line}
    names = {line.split("==")[0]: line.split()[0] for line in whole if "==" in line}
    assert all(names[line.split("==")[0]] == line.split()[0] for line in runtime if "==" in line)
