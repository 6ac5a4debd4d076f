"""The command lines of PostgreSQL's programs. Pure."""

from collections.abc import Iterator
from pathlib import Path

from sync_worker.embedded.sockets import PORT

ROLE = "sync_worker"  # the only role; the socket's folder is the door, so the role needs no password
_SETTINGS = {
    "cluster_name": "sync_worker",
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "50",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "max_parallel_workers_per_gather": "0",  # parallel work needs more of /dev/shm than a container's 64 MB
    "max_parallel_maintenance_workers": "0",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_min_messages": "log",  # no errors of clients: they have them, and the text may hold addresses
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
_THROWAWAY = {"fsync": "off", "full_page_writes": "off"}  # commits survive a killed server, not a power cut


def initdb(binaries: Path, data: str, *, major: int, durable: bool) -> list[str]:
    """Make a data folder: UTF-8, code point order, and a `lower()` that knows all of Unicode."""
    command = [str(binaries / "initdb"), "-D", data, "-U", ROLE, "-E", "UTF8", "--no-instructions"]
    command += ["--auth-local=trust", "--auth-host=reject", *_locale(major)]
    return command if durable else [*command, "--no-sync"]


def _locale(major: int) -> tuple[str, ...]:
    if major >= 17:  # noqa: PLR2004  (the first with a provider of its own, which no system update changes)
        return ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    return ("--locale=C.UTF-8",)


def postgres(binaries: Path, data: str, socket_folder: Path, *, durable: bool) -> list[str]:
    """Run the server: socket only, small."""
    settings = _SETTINGS | {"unix_socket_directories": str(socket_folder)} | ({} if durable else _THROWAWAY)
    return [str(binaries / "postgres"), "-D", data, *_flags(settings)]


def create_database(binaries: Path, socket_folder: str, name: str) -> list[str]:
    """Make the database `name` where it is missing."""
    script = Path(__file__).with_name("create_database.sql")
    target = ["-h", socket_folder, "-p", str(PORT), "-U", ROLE, "-d", "postgres"]
    values = ["-v", "ON_ERROR_STOP=1", "-v", f"name={name}"]
    return [str(binaries / "psql"), "-X", "-q", "-o", "/dev/null", *target, *values, "-f", str(script)]


def _flags(settings: dict[str, str]) -> Iterator[str]:
    for name, value in settings.items():
        yield "-c"
        yield f"{name}={value}"
