"""What `init` writes: a configuration with the few settings that everybody needs, and the lines to go on with."""

import json
import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sync_worker.cli.exits import PROGRAM

_TEMPLATE: Final = """\
# The configuration of sync-worker, written by `sync-worker init`. Every other setting, with its default:
# config/sync-worker.example.toml. Variables such as SYNC_WORKER_INSTANCES__{variable}__PER_PAGE win over it.
# `sync-worker doctor` tests it.

[database]
# A PostgreSQL (15 or newer) as postgresql://user:password@host:5432/name, or "embedded".
url = {database}

[instances.{name}]
# Scheme and host of your Canvas; the token is sent there and nowhere else.
base_url = {base_url}
# A file that holds nothing but the access token; relative to this one.
token_file = {token_file}
# The day on which the token ends: `sync-worker check` warns 21 days ahead.
# token_expires = 2027-06-30
# Who is walked; `sync-worker backfill --users self` tries it on yourself.
users = ["account:self"]
# Stands in the User-Agent, so that the administrators of Canvas can reach you.
{contact}

# Once the mirror is loaded: which channels people should have, see config/desired.example.yaml.
# [desired]
# file = "desired.yaml"
# apply = "plan"                # shows and saves what would change; `sync-worker apply` carries it out
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a new configuration is made of, each checked."""

    name: str  # of the instance
    base_url: str
    token_file: str  # as it is to stand in the configuration
    database_url: str
    contact: str  # empty: none


def configuration(answers: Answers) -> str:
    """The text of the file."""
    contact = f"user_agent_contact = {_text(answers.contact)}"
    return _TEMPLATE.format(
        name=answers.name,
        variable=answers.name.upper().replace("-", "_"),
        database=_text(answers.database_url),
        base_url=_text(answers.base_url),
        token_file=_text(answers.token_file),
        contact=contact if answers.contact else '# user_agent_contact = "lms-admins@school.edu"',
    )


def _text(value: str) -> str:
    """A basic string of TOML; all that JSON escapes, TOML reads alike."""
    return json.dumps(value, ensure_ascii=False)


def mend_first(config: Path) -> str:
    """How to go on where something failed."""
    return f"Mend what failed, then look again: {shlex.quote(_program())} --config {shlex.quote(str(config))} doctor"


def next_steps(config: Path) -> str:
    """How to go on: the first load, and the job of every night."""
    program = shlex.quote(_program())
    command = f"{program} --config {shlex.quote(str(config))}"
    log = "/var/log/sync-worker.log" if os.geteuid() == 0 else "$HOME/sync-worker.log"
    return "\n".join(
        (
            "Next:",
            f"  {command} backfill --users self",
            f"  {command} backfill",
            "",
            "Then every night, as a line of your crontab (crontab -e; in a crontab a % is written \\%):",
            "",
            f"15 3 * * *  {command.replace('%', chr(92) + '%')} run >>{log} 2>&1",
            "",
            "Or by systemd: a service of Type=oneshot and a timer with OnCalendar=*-*-* 03:15, whose service has",
            f"  ExecStart={command} run",
        )
    )


def _program() -> str:
    """The command as cron finds it, which has hardly any PATH."""
    called = Path(sys.argv[0])
    found = called if called.name == PROGRAM and called.exists() else shutil.which(PROGRAM)
    return str(Path(found).absolute()) if found else PROGRAM
