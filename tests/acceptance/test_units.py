"""The units, the crontab and the container files work as they are, or would where there is no systemd or Docker."""

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.flows.harness import expected, live
from tests.integration.flows.processes import PROGRAM, TOKEN, SandboxProcess, sandbox_process

CONFIG = Path(__file__).parents[2] / "config"
UNITS = sorted((CONFIG / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
INSTALLED = "/opt/sync-worker/bin/sync-worker"
HARDENED = {
    "DynamicUser": "yes",
    "NoNewPrivileges": "yes",
    "PrivateTmp": "yes",
    "ProtectHome": "yes",
    "ProtectSystem": "strict",
    "UMask": "0077",
}


class Unit(configparser.RawConfigParser):
    """A unit file; of a key that stands several times all values count."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#",))
        self.optionxform = str  # type: ignore[assignment,method-assign]  # systemd minds capitals
        self.read(path)
        text = path.read_text()
        self.environment = dict(line.split("=", 1) for line in re.findall(r"^Environment=(.*)$", text, re.MULTILINE))
        self.credentials = dict(line.split(":", 1) for line in re.findall(r"^LoadCredential=(.*)$", text, re.MULTILINE))


def started(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """With nothing else in its environment, in a folder that is not ours."""
    return subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)


@pytest.fixture
def canvas(tmp_path: Path) -> Iterator[SandboxProcess]:
    """Twenty users, in a process of its own."""
    with sandbox_process(tmp_path, 20) as running:
        yield running


@pytest.fixture
def files(tmp_path: Path, database_url: str, canvas: SandboxProcess) -> dict[str, Path]:
    """What an administrator puts into /etc/sync-worker, by its path there."""
    folder = tmp_path / "etc"
    folder.mkdir()
    contents = {
        "config.toml": f'[instances.main]\nbase_url = "{canvas.base_url}"\nmax_attempts = 1\n',
        "canvas-token": TOKEN,
        "database-url": database_url,
    }
    for name, text in contents.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    return {f"/etc/sync-worker/{name}": folder / name for name in contents}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_takes_the_units(unit: Path, tmp_path: Path) -> None:
    """Without a word of complaint; the program stands where they look for it."""
    for each in UNITS:
        (tmp_path / each.name).write_text(each.read_text().replace(INSTALLED, PROGRAM))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if str(tmp_path) in line]) == (0, [])


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_the_services_are_hardened(path: Path) -> None:
    """No privileges, and no secret but by credential."""
    service = Unit(path)["Service"]
    assert {key: service[key] for key in HARDENED} == HARDENED
    assert {Path(source).parent for source in Unit(path).credentials.values()} == {Path("/etc/sync-worker")}
    assert "token" not in service["ExecStart"]


def test_the_timer_starts_the_run() -> None:
    """Its service has its name, and a missed night is caught up."""
    timer = Unit(CONFIG / "systemd/sync-worker-run.timer")["Timer"]
    assert timer["Persistent"] == "true"
    assert (CONFIG / "systemd/sync-worker-run.service").exists()


async def test_what_the_service_starts(files: dict[str, Path], tmp_path: Path, database_url: str, canvas: Any) -> None:
    """The command of the unit, with its environment and its credentials."""
    unit = Unit(CONFIG / "systemd/sync-worker-run.service")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    for name, source in unit.credentials.items():
        shutil.copy(files[source], credentials / name)
    environment = {key: value.replace("%d", str(credentials)) for key, value in unit.environment.items()}
    environment["SYNC_WORKER_CONFIG"] = str(files[environment["SYNC_WORKER_CONFIG"]])
    command = [PROGRAM if word == INSTALLED else word for word in shlex.split(unit["Service"]["ExecStart"])]
    done = started(command, environment)
    assert (done.returncode, "20: 20 read" in done.stdout) == (0, True), done.stderr
    assert await live(database_url) == expected(canvas.many("GET", "channels"))


# --- cron -----------------------------------------------------------------------------------------------


@pytest.fixture
def crontab(files: dict[str, Path]) -> tuple[str, dict[str, str]]:
    """The command of the one line, and the environment that cron gives it."""
    text = (CONFIG / "cron/sync-worker").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    settings = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))
    (job,) = [line for line in lines if not re.match(r"[A-Z_]+=", line)]
    minute, hour, *_, user, command = job.split(None, 6)
    assert (minute, hour, user, "%" in command) == ("15", "3", "sync-worker", False)
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/", **settings}
    environment["SYNC_WORKER_CONFIG"] = str(files[environment["SYNC_WORKER_CONFIG"]])
    config = files["/etc/sync-worker/config.toml"]
    token, url = files["/etc/sync-worker/canvas-token"], files["/etc/sync-worker/database-url"]
    config.write_text(f'{config.read_text()}token_file = "{token}"\n[database]\nurl_file = "{url}"\n')
    return command.replace(INSTALLED, PROGRAM), environment


def as_cron_does(crontab: tuple[str, dict[str, str]]) -> str:
    """What would be mailed."""
    command, environment = crontab
    done = started([environment["SHELL"], "-c", command], environment)
    return done.stdout + done.stderr


def test_cron_is_silent_when_all_is_well(crontab: tuple[str, dict[str, str]]) -> None:
    """No mail; cron mails whatever is printed."""
    assert as_cron_does(crontab) == ""


def test_cron_says_what_is_wrong(crontab: tuple[str, dict[str, str]], canvas: SandboxProcess) -> None:
    """All that the run said, and its exit code."""
    canvas.ask("POST", "tokens", do="revoke", token=TOKEN)
    said = as_cron_does(crontab)
    assert said.endswith("exit code 5\n")
    assert "Canvas refused the access token" in said
    assert TOKEN not in said


# --- where they are installed ---------------------------------------------------------------------------


def test_install_brings_what_the_pages_name(tmp_path: Path) -> None:
    """Examples, units, crontab and roles, all as they are here and readable for everybody; nothing private comes."""
    folder, prefix = tmp_path / "source", tmp_path / "prefix"
    for name in ("config", "sql"):
        shutil.copytree(CONFIG.parent / name, folder / name)
    (folder / "config/sync-worker.toml").write_text("secret")
    (folder / "config/systemd/token").write_text("secret")
    make = ["make", f"--makefile={CONFIG.parent / 'Makefile'}", f"--directory={folder}", "install-examples"]
    for _ in range(2):  # over the old one, too
        subprocess.run([*make, f"PREFIX={prefix}"], umask=0o077, check=True, capture_output=True)
    share = prefix / "share/sync-worker"
    brought = sorted(str(path.relative_to(share)) for path in share.rglob("*") if path.is_file())
    assert brought == sorted(
        [
            "config/cron/sync-worker",
            "config/desired.example.yaml",
            "config/desired.schema.json",
            "config/sync-worker.example.toml",
            "config/users.example.csv",
            "sql/roles.sql",
            *(f"config/systemd/{unit.name}" for unit in UNITS),
        ]
    )
    assert all((share / name).read_bytes() == (CONFIG.parent / name).read_bytes() for name in brought)
    assert {(share / name).stat().st_mode & 0o777 for name in brought} == {0o644}
    assert {path.stat().st_mode & 0o777 for path in [share, *share.rglob("*")] if path.is_dir()} == {0o755}


@pytest.mark.long
def test_the_whole_install_brings_them() -> None:
    """They come with `make install`."""
    command = ["make", "--dry-run", "install", "PREFIX=/somewhere"]
    done = subprocess.run(command, cwd=CONFIG.parent, capture_output=True, text=True, check=True)
    assert "/somewhere/share/sync-worker/config/sync-worker.example.toml" in re.sub(r'"', "", done.stdout)


# --- the container --------------------------------------------------------------------------------------


def test_the_image_holds_no_secret_and_runs_as_nobody_special() -> None:
    """Only what is needed for building goes in; the second stage ends as an ordinary user."""
    text = (CONFIG / "container/Dockerfile").read_text()
    build, final = text.split("\nFROM ")[1:]
    assert "make install" in build
    assert "COPY . ." not in final
    assert re.findall(r"^USER (.*)$", final, re.MULTILINE) == ["10001:10001"]
    ignored = (CONFIG.parent / ".dockerignore").read_text().split()
    assert ignored[0] == "*"
    assert {"config/container/secrets", "config/container/config.toml", "config/sync-worker.toml"} <= set(ignored)


def test_the_dockerfile_is_well_written() -> None:
    """As hadolint sees it."""
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([linter, CONFIG / "container/Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_compose_file_keeps_secrets_in_files() -> None:
    """A real PostgreSQL, secrets from files, no port beyond this machine."""
    compose = yaml.safe_load((CONFIG / "container/compose.yaml").read_text())
    database, worker = compose["services"]["database"], compose["services"]["sync-worker"]
    assert database["image"].startswith("postgres:")
    used = {*database["secrets"], *worker["secrets"]}
    assert used == set(compose["secrets"])
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    assert all(port.startswith("127.0.0.1:") for port in worker["ports"])
    assert (CONFIG / "container" / worker["build"]["context"] / worker["build"]["dockerfile"]).resolve().exists()
    assert all(
        value.startswith("/run/secrets/") for key, value in worker["environment"].items() if key.endswith("_FILE")
    )
    assert set(compose["volumes"]) == {volume.split(":")[0] for volume in database["volumes"]}
