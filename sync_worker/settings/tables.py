"""The tables of the configuration file, one class each: names, types, limits and defaults.

All frozen; a key that is not here is an error. `config/sync-worker.example.toml` explains each setting to people.
"""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from sync_worker.cron import parse
from sync_worker.settings.addresses import DATABASE_SCHEMES, check_base_url, check_database_url
from sync_worker.settings.durations import Duration

_HOUR = timedelta(hours=1)


def _one_or_more(value: Any) -> Any:
    """A list; a single string (all that an environment variable can hold without JSON) is a list of one."""
    return (value,) if isinstance(value, str) else value


def check_mirror_url(value: SecretStr) -> SecretStr:
    """`value`, when it is one of the forms of `database.url`; raises ValueError, without repeating it."""
    text = value.get_secret_value()
    if text == "embedded" or text.startswith("embedded:"):
        return value
    if not text.startswith(DATABASE_SCHEMES):
        raise ValueError('must be "embedded", "embedded:DIR" or begin with postgresql://')
    check_database_url(text)
    return value


def check_direct_url(value: SecretStr) -> SecretStr:
    """The same for `database.direct_url`."""
    check_database_url(value.get_secret_value())
    return value


def _check_token(value: SecretStr) -> SecretStr:
    text = value.get_secret_value().strip()
    if text and text.isprintable() and " " not in text:
        return SecretStr(text)
    raise ValueError("must be the token alone, without spaces")


def _check_cron(text: str) -> str:
    parse(text)
    return text


def _check_zone(name: str) -> str:
    if name == "UTC":  # also where the machine has no zone data at all
        return name
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise ValueError('is no time zone; write one such as "UTC" or "Europe/Berlin"') from None
    return name


def _check_bind(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if host and colon and re.fullmatch(r"\d{1,5}", port) and int(port) < 2**16:
        return text
    raise ValueError('must be HOST:PORT, such as "127.0.0.1:8080"')


def _check_heartbeat(value: SecretStr) -> SecretStr:
    text = value.get_secret_value().strip().rstrip("/")
    try:
        url = urlsplit(text)
        good = url.scheme in {"http", "https"} and url.hostname and not (url.query or url.fragment)
    except ValueError:
        good = False
    if good and text.isprintable() and " " not in text:
        return SecretStr(text)
    raise ValueError("must be a URL that begins with https:// or http:// and has no ? or #")


def _check_header(text: str) -> str:
    if text.isprintable() and text.isascii():
        return text
    raise ValueError("goes into a request header: printable ASCII characters only")


def _check_region(text: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - it is heavy, and most configurations do without

    region = text.strip().upper()
    if region in SUPPORTED_REGIONS:
        return region
    raise ValueError('is no region; write its two letters, such as "US" or "DE"')


Percent = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
Token = Annotated[SecretStr, AfterValidator(_check_token)]
Strings = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_one_or_more)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(check_mirror_url)]
DirectUrl = Annotated[SecretStr, AfterValidator(check_direct_url)]


class Table(BaseModel):
    """What all tables have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class DatabaseTable(Table):
    """`[database]`: where the mirror lives."""

    url: DatabaseUrl | None = None  # None: embedded, as long as every Canvas is on loopback
    url_file: Path | None = None
    direct_url: DirectUrl | None = None  # for the lock, where url goes through a transaction pooler
    direct_url_file: Path | None = None
    auto_migrate: Literal["empty", "always", "never"] = "empty"
    resume_max_age: Duration = 12 * _HOUR
    patience: Duration = timedelta(minutes=5)  # for a database that goes away in the middle of a run; 0s: none


class ThrottleTable(Table):
    """`[instances.NAME.throttle]`: what the headers of Canvas teach by themselves; None means learned."""

    high_water_mark: Annotated[float, Field(gt=0)] | None = None  # units of quota
    outflow: Annotated[float, Field(gt=0)] | None = None  # units of quota a second
    up_front_cost: Annotated[float, Field(ge=0)] | None = None  # units of quota


class OAuthTable(Table):
    """`[instances.NAME.oauth]`: how access tokens that live an hour are renewed; in the place of a token."""

    client_id: Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)] | None = None  # None: there is a token
    client_secret: Token | None = None
    client_secret_file: Path | None = None
    refresh_token: Token | None = None
    refresh_token_file: Path | None = None


class DesiredTable(Table):
    """`[desired]`: the desired state, and how far the scheduled job may go towards it."""

    file: Annotated[str, Field(min_length=1)] | None = None  # a path, or `query:FILE.sql`
    apply: Literal["off", "plan", "auto"] = "plan"
    max_plan_age: Duration = 7 * 24 * _HOUR
    max_mirror_age: Duration = 24 * _HOUR  # a plan reads users live whose rows are older


class GuardsTable(Table):
    """`[guards]`: protects Canvas and its people."""

    max_creates: Count = 500
    max_deletes: Count = 50
    max_delete_percent: Percent = 2.0
    percent_from: Count = 200
    max_deletes_per_user: Count = 3
    max_messages: Count = 0
    keep_last_email: bool = True
    protect: Strings = ()
    max_failures: Count = 10  # refusals or failures in a row (one for each user), after which an apply stops; 0: never
    settle_after: Duration = timedelta(minutes=10)  # late effects and stale reads are waited for so long


class BrakeTable(Table):
    """`[brake]`: protects the mirror."""

    max_tombstones: Count = 1000
    max_tombstone_percent: Percent = 5.0
    percent_from: Count = 200
    min_coverage_percent: Percent = 95.0
    min_listing_percent: Percent = 50.0  # of the users of the previous complete account listing
    empty_answers_from: Count = 10  # users without one channel among them, that is implausible; 0: never


class InstanceTable(Table):
    """`[instances.NAME]`: one Canvas, as the file has it; `Settings.instance` gives it merged and resolved."""

    base_url: Annotated[str, AfterValidator(check_base_url)]
    token: Token | None = None
    token_file: Path | None = None
    write_token_file: Path | None = None
    token_expires: date | None = None
    users: Annotated[Strings, Field(min_length=1)] = ("account:self",)
    account: Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)] = "self"
    per_page: Annotated[int, Field(ge=1, le=100)] = 100
    max_concurrency: Annotated[int, Field(ge=1, le=1000)] = 64
    throttle_patience: Duration = _HOUR / 4
    user_agent_contact: Annotated[str, AfterValidator(_check_header)] | None = None
    request_timeout: Duration = timedelta(seconds=60)  # for one request, from first to last byte
    read_timeout: Duration = timedelta(seconds=30)  # between two bytes of an answer
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 5
    backoff_base: Duration = timedelta(milliseconds=500)
    backoff_max: Duration = timedelta(seconds=30)
    max_body_mb: Annotated[int, Field(ge=1, le=1024)] = 16
    allow_http: bool = False
    ca_file: Path | None = None  # PEM; None: the authorities that the system trusts
    phone_region: Annotated[str, AfterValidator(_check_region)] | None = None  # of numbers without a country's code
    oauth: OAuthTable = OAuthTable()
    throttle: ThrottleTable = ThrottleTable()
    desired: DesiredTable = DesiredTable()
    guards: GuardsTable = GuardsTable()
    brake: BrakeTable = BrakeTable()


class RunTable(Table):
    """`[run]`: the job itself."""

    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 250  # users
    grace_period: Duration = timedelta(seconds=20)  # for requests in flight, after a signal
    progress_interval: Duration = timedelta(seconds=30)  # between two progress lines in a log
    outage_patience: Duration = _HOUR / 4  # for a Canvas that is in trouble with everybody; 0s: none


class RetentionTable(Table):
    """`[retention]`: how long `sync-worker prune` leaves things; None: for ever."""

    history: Duration | None = None  # superseded versions of channels and users
    plans: Duration | None = None  # that have ended
    actions: Duration | None = None  # the journal of plans that have ended
    runs: Duration | None = None  # that have ended, with their batches and failures


class ScheduleTable(Table):
    """`[[schedule]]`: one job of `sync-worker schedule`."""

    job: Literal["run", "backfill", "prune"]
    cron: Annotated[str, AfterValidator(_check_cron)]  # as cron means it: 0 and 7 are Sunday
    timezone: Annotated[str, AfterValidator(_check_zone)] = "UTC"
    instances: tuple[Name, ...] | None = None  # None: all
    jitter: Duration = timedelta()  # a job begins up to so much later, by chance
    missed: Literal["once", "skip"] = "once"  # what becomes of times that passed while nobody could begin
    grace: Duration = 12 * _HOUR  # a time that is longer ago is not caught up


class NotifyTable(Table):
    """`[notify]`: who is told how runs went."""

    command: Strings = ()  # a program and its arguments; gets JSON on standard input
    timeout: Annotated[Duration, Field(gt=timedelta())] = timedelta(seconds=30)  # for the command
    heartbeat_url: Annotated[SecretStr, AfterValidator(_check_heartbeat)] | None = None  # the URL is a password


class MetricsTable(Table):
    """`[metrics]`: figures for a Prometheus that asks nobody."""

    textfile: Path | None = None  # written at the end of each run


class WebTable(Table):
    """`[web]`: status, health and metrics while `schedule` runs."""

    bind: Annotated[str, AfterValidator(_check_bind)] = "127.0.0.1:8080"


class LogsTable(Table):
    """`[logs]`: what `--log-level` and `--log-format` override."""

    level: Literal["debug", "info", "warning", "error"] | None = None  # None: warning on a terminal, info elsewhere
    format: Literal["console", "json"] | None = None  # None: console on a terminal, JSON elsewhere
