"""The address of a Canvas: what may stand in `base_url`, and the origin it names."""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_EXAMPLE = 'write it as "https://school.instructure.com"'


DATABASE_SCHEMES = ("postgresql://", "postgres://")
_HOST = re.compile(r"(\[[^]]*]|[^:\[\]]*)(:\d{1,5})?")
_ESCAPED = "in its user or password write %2F for /, %3F for ?, %40 for @, %23 for #, %5B for [ and %3A for :"


def check_database_url(text: str) -> str:
    """`text`, when it is a PostgreSQL URL of which every part is what it looks like.

    A character in the password that is not escaped moves parts of it into host, port and database, where they would be
    shown. Several hosts may be named, with commas.

    Raises:
        ValueError: it is not; the message never repeats the text, which may hold a password.
    """
    if not text.startswith(DATABASE_SCHEMES):
        raise ValueError("must begin with postgresql://")
    try:
        url = urlsplit(text)
    except ValueError:
        raise ValueError(f"cannot be read as a URL; {_ESCAPED}") from None
    hosts = url.netloc.rpartition("@")[2].split(",")
    moved = "@" in text and "@" not in url.netloc
    if text.count("@") > 1 or "#" in text or moved or not all(map(_HOST.fullmatch, hosts)):
        raise ValueError(f"has a character that splits it in the wrong place; {_ESCAPED}")
    return text


def check_base_url(text: str) -> str:
    """`text` without a trailing slash, when it is scheme, host and port and nothing else.

    Raises:
        ValueError: it is not; the message never repeats the text, which might hold a password.
    """
    try:
        url = urlsplit(text.strip())
        url.port  # noqa: B018  (reading it is the check: it raises ValueError)
    except ValueError:
        raise ValueError(f"not a URL; {_EXAMPLE}") from None
    problem = _problem(url)
    if problem:
        raise ValueError(f"{problem}; {_EXAMPLE}")
    return text.strip().rstrip("/")


def _problem(url: SplitResult) -> str:
    """What is wrong with the URL, empty when nothing is."""
    rules = (
        (url.scheme not in _DEFAULT_PORTS, "a URL must begin with https:// or http://"),
        (not url.hostname, "the URL has no host"),
        (url.username is not None or url.password is not None, "the URL must not hold a user or a password"),
        (url.path not in {"", "/"}, "the URL must not have a path"),
        (bool(url.query or url.fragment), "the URL must not have a query or a fragment"),
        (any(c.isspace() for c in url.netloc), "the host must not contain spaces"),
    )
    return next((message for broken, message in rules if broken), "")


def origin(base_url: str) -> str:
    """Scheme, lower-case host and port (left out where it is the scheme's own); base_url must be checked."""
    url = urlsplit(base_url)
    host = (url.hostname or "").rstrip(".")
    shown = f"[{host}]" if ":" in host else host
    default = url.port in {None, _DEFAULT_PORTS[url.scheme]}
    return f"{url.scheme}://{shown}" + ("" if default else f":{url.port}")


def is_loopback(base_url: str) -> bool:
    """Whether the URL names this machine itself: localhost, 127.0.0.0/8 or ::1."""
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
