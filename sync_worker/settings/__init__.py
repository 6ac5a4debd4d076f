"""The configuration: one frozen `Settings` out of a TOML file, `SYNC_WORKER_…` variables and secret files.

The environment wins over the file. Secrets in files are read when they are used. Whatever is wrong is said at once,
each problem with its place, and no message repeats a value that may be secret.
"""

from sync_worker.settings.durations import parse_duration
from sync_worker.settings.instance import Grant, Instance
from sync_worker.settings.load import find_config, load_settings
from sync_worker.settings.model import Settings
from sync_worker.settings.tables import (
    BrakeTable,
    DatabaseTable,
    DesiredTable,
    GuardsTable,
    InstanceTable,
    LogsTable,
    MetricsTable,
    NotifyTable,
    OAuthTable,
    RetentionTable,
    RunTable,
    ScheduleTable,
    ThrottleTable,
    WebTable,
)

__all__ = [
    "BrakeTable",
    "DatabaseTable",
    "DesiredTable",
    "Grant",
    "GuardsTable",
    "Instance",
    "InstanceTable",
    "LogsTable",
    "MetricsTable",
    "NotifyTable",
    "OAuthTable",
    "RetentionTable",
    "RunTable",
    "ScheduleTable",
    "Settings",
    "ThrottleTable",
    "WebTable",
    "find_config",
    "load_settings",
    "parse_duration",
]
