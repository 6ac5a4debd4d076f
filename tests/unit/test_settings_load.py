"""From file and environment to settings, or to everything that is wrong."""

from datetime import timedelta
from pathlib import Path

import pytest

from sync_worker.errors import ConfigError
from sync_worker.settings import Settings, find_config, load_settings

LOCAL = """
[instances.main]
base_url = "http://127.0.0.1:3000"
token = "t0ken"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Where the configuration is."""
    return tmp_path / "sync-worker.toml"


def load(config: Path, text: str, **environ: str) -> Settings:
    """The settings that `text` and `environ` come to."""
    config.write_text(text, encoding="utf-8")
    return load_settings(config, environ)


def problems(config: Path, text: str, **environ: str) -> list[str]:
    """The lines of the error, with FILE for the file's path."""
    with pytest.raises(ConfigError) as caught:
        load(config, text, **environ)
    return str(caught.value).replace(str(config), "FILE").splitlines()


def test_defaults(config: Path) -> None:
    """An instance needs a URL and a token; all else has the default of the contract."""
    settings = load(config, LOCAL)
    main = settings.instance("main")
    assert (main.name, main.users, main.account, main.per_page, main.max_concurrency) == (
        "main", ("account:self",), "self", 100, 64,
    )  # fmt: skip
    assert (main.throttle_patience, main.request_timeout, main.read_timeout) == (
        timedelta(minutes=15), timedelta(seconds=60), timedelta(seconds=30),
    )  # fmt: skip
    assert main.throttle.model_dump() == {"high_water_mark": None, "outflow": None, "up_front_cost": None}
    assert (main.brake.max_tombstones, main.brake.min_listing_percent, main.guards.max_deletes) == (1000, 50.0, 50)
    assert (settings.run.batch_size, settings.run.grace_period) == (250, timedelta(seconds=20))
    assert (settings.database.auto_migrate, settings.database.resume_max_age) == ("empty", timedelta(hours=12))
    assert (settings.web.bind, settings.logs.level, settings.schedule) == ("127.0.0.1:8080", None, ())


def test_the_region_of_numbers(config: Path) -> None:
    """Two letters, in any case; a country's name, its code and the international part are none."""
    assert load(config, LOCAL).instance("main").phone_region is None
    assert load(config, f"{LOCAL}phone_region = 'de'\n").instance("main").phone_region == "DE"
    for wrong in ("USA", "Germany", "+1", "", "001", "ZZ"):
        (problem,) = problems(config, f"{LOCAL}phone_region = '{wrong}'\n")
        assert problem.endswith('phone_region: is no region; write its two letters, such as "US" or "DE"'), problem


def test_settings_are_frozen(config: Path) -> None:
    """Nobody changes a setting on the way."""
    settings = load(config, LOCAL)
    with pytest.raises(ValueError, match="frozen"):
        settings.run.batch_size = 1  # type: ignore[misc]


def test_environment_alone() -> None:
    """No file is needed."""
    environ = {
        "SYNC_WORKER_INSTANCES__MAIN__BASE_URL": "http://localhost:1",
        "SYNC_WORKER_INSTANCES__MAIN__TOKEN": "abc",
        "PATH": "/bin",
    }
    assert load_settings(None, environ).instance("main").read_token().get_secret_value() == "abc"


def test_environment_wins(config: Path) -> None:
    """A variable beats the file, level by level; instances are found whatever their case and hyphens."""
    settings = load(
        config,
        LOCAL.replace("main", "My-School")
        + "per_page = 7\nmax_concurrency = 3\n[guards]\nmax_creates = 1\nmax_deletes = 2",
        SYNC_WORKER_INSTANCES__MY_SCHOOL__PER_PAGE="9",
        SYNC_WORKER_GUARDS='{"max_creates": 5}',
        SYNC_WORKER_GUARDS__PROTECT='["*@a.edu", "*@b.edu"]',
        SYNC_WORKER_INSTANCES__MY_SCHOOL__USERS="id:1,2",
        SYNC_WORKER_LOGS__LEVEL="",
    )
    school = settings.instance("My-School")
    assert (school.per_page, school.max_concurrency, school.users) == (9, 3, ("id:1,2",))
    assert (school.guards.max_creates, school.guards.max_deletes) == (5, 2)
    assert school.guards.protect == ("*@a.edu", "*@b.edu")


def test_a_secret_in_the_environment_displaces_the_file_s(config: Path) -> None:
    """The environment's token replaces the configuration's token_file, and the other way round."""
    with_file = LOCAL.replace("token = ", "token_file = ")
    instance = load(config, with_file, SYNC_WORKER_INSTANCES__MAIN__TOKEN="other").instance("main")
    assert (instance.token_file, instance.read_token().get_secret_value()) == (None, "other")
    instance = load(config, LOCAL, SYNC_WORKER_INSTANCES__MAIN__TOKEN_FILE="/x").instance("main")
    assert (instance.token, instance.token_file) == (None, Path("/x"))


def test_instances_override_key_by_key(config: Path) -> None:
    """What an instance's own table does not say is as in the top-level table, then the default."""
    settings = load(
        config,
        LOCAL
        + """
        [instances.main.brake]
        percent_from = 9
        [instances.main.desired]
        file = "mine.csv"
        [brake]
        percent_from = 8
        max_tombstones = 7
        [desired]
        file = "all.csv"
        apply = "auto"
        [instances.other]
        base_url = "http://localhost:1"
        """,
    )
    main, other = settings.instance("main"), settings.instance("other")
    assert (main.brake.percent_from, main.brake.max_tombstones, main.brake.min_coverage_percent) == (9, 7, 95.0)
    assert (other.brake.percent_from, other.desired.file) == (8, str(config.parent / "all.csv"))
    assert (main.desired.file, main.desired.apply) == (str(config.parent / "mine.csv"), "auto")


def test_without_a_desired_state_nothing_is_applied(config: Path) -> None:
    """`apply` is off where there is no file, whatever it says."""
    assert load(config, LOCAL + "[desired]\napply = 'auto'").instance("main").desired.apply == "off"


def test_relative_paths_are_relative_to_the_file(config: Path) -> None:
    """Every path in the file, those within user specs included; paths of the environment stay as they are."""
    settings = load(
        config,
        """
        database.url = "embedded:data"
        [instances.main]
        base_url = "http://localhost:1"
        token_file = "secrets/token"
        users = ["file:users.csv", "query:q.sql", "account:self", "file:/abs.csv"]
        [desired]
        file = "query:d.sql"
        """,
        SYNC_WORKER_INSTANCES__MAIN__WRITE_TOKEN_FILE="w",
    )
    main, here = settings.instance("main"), config.parent
    assert main.token_file == here / "secrets/token"
    assert main.users == (f"file:{here}/users.csv", f"query:{here}/q.sql", "account:self", "file:/abs.csv")
    assert main.desired.file == f"query:{here}/d.sql"
    assert settings.database_url().get_secret_value() == f"embedded:{here}/data"
    assert main.write_token_file == Path("w")


def test_all_problems_at_once_with_their_lines(config: Path) -> None:
    """Unknown keys, wrong types, missing keys and contradictions come together, each with file, line and key."""
    text = """[instances.main]
base_url = "https://school.edu/path"
per_pages = 50
throttle_patience = "soon"
token = "hidden"
token_file = "x"
max_body_mb = "many"
[instances.main.brake]
max_tombstone = 3
[brakes]
[[schedule]]
job = "run"
cron = "15 3 * * *"
instances = ["mian"]
[[schedule]]
job = "dance"
cron = "daily"
timezone = "Mars/Base"
[web]
bind = "here"
"""
    lines = problems(config, text)
    assert [line.split(": ")[: 2 + ("[[" in line)] for line in lines] == [
        ["FILE:2", "instances.main.base_url"],
        ["FILE:3", "instances.main.per_pages"],
        ["FILE:4", "instances.main.throttle_patience"],
        ["FILE:5", "instances.main.token"],
        ["FILE:7", "instances.main.max_body_mb"],
        ["FILE:9", "instances.main.brake.max_tombstone"],
        ["FILE:10", "brakes"],
        ["FILE:14", "[[schedule]] 1", "instances"],
        ["FILE:16", "[[schedule]] 2", "job"],
        ["FILE:17", "[[schedule]] 2", "cron"],
        ["FILE:18", "[[schedule]] 2", "timezone"],
        ["FILE:20", "web.bind"],
    ]
    assert lines[1] == "FILE:3: instances.main.per_pages: unknown key; did you mean per_page?"
    assert lines[6] == "FILE:10: brakes: unknown key; did you mean brake?"
    assert "hidden" not in str(lines)


def test_problems_of_variables_name_the_variable(config: Path) -> None:
    """A wrong value, an unknown key and an unknown table; other programs' variables are left alone."""
    lines = problems(
        config,
        LOCAL,
        SYNC_WORKER_INSTANCES__MAIN__PER_PAGE="many",
        SYNC_WORKER_INSTANCES__MAIN__TOKENS="geheim",
        SYNC_WORKER_SCHEDULE="nightly",
        SYNC_WORKER_GUARD__MAX_CREATES="1",
        SYNC_WORKER_CONFIG="elsewhere",
        SYNC_WORKING="1",
    )
    assert [line.split(": ")[0] for line in lines] == [
        "SYNC_WORKER_GUARD__MAX_CREATES",
        "SYNC_WORKER_INSTANCES__MAIN__PER_PAGE",
        "SYNC_WORKER_INSTANCES__MAIN__TOKENS",
        "SYNC_WORKER_SCHEDULE",
    ]
    assert lines[0].endswith("did you mean SYNC_WORKER_GUARDS?")
    assert "geheim" not in str(lines)


@pytest.mark.parametrize(
    "text",
    [
        "[database]\nurl = 'mysql://u:geheim@h/d'",
        "[database]\ndirect_url = 'u:geheim@h/d'",
        "[database]\nurl = ['postgresql://u:geheim@h/d']",
        "[instances.main]\nbase_url = 'https://u:geheim@h'",
        "[instances.main]\nbase_url = 'http://localhost'\ntoken = 'geheim geheim'",
        "[instances.main]\nbase_url = 'http://localhost'\ntoken = ['geheim']",
    ],
)
def test_no_secret_in_any_message(config: Path, text: str) -> None:
    """A refused value that may hold a secret is never repeated."""
    config.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(config, {})
    shown = f"{caught.value}{caught.value!r}{caught.value.__cause__}{caught.value.__context__}"
    assert "geheim" not in shown


def test_secrets_do_not_show_in_the_settings(config: Path) -> None:
    """Printing settings prints no token and no database password."""
    settings = load(config, LOCAL + "[database]\nurl = 'postgresql://u:geheim@h/d'")
    shown = f"{settings!r} {settings.instance('main')!r}"
    assert "geheim" not in shown
    assert "t0ken" not in shown


def test_a_real_canvas_needs_a_database_in_writing(config: Path) -> None:
    """`embedded` is silently meant only for a Canvas on this machine."""
    remote = "[instances.main]\nbase_url = 'https://school.edu'\n"
    assert "postgresql://" in problems(config, remote)[0]
    assert load(config, remote + "[database]\nurl = 'embedded'").database_url().get_secret_value() == "embedded"
    given = load(config, remote, SYNC_WORKER_DATABASE__URL="postgresql:///x")
    assert given.database_url().get_secret_value() == "postgresql:///x"
    assert load(config, LOCAL).database_url().get_secret_value() == "embedded"


def test_plain_http_is_for_loopback(config: Path) -> None:
    """A token goes over plain http to another machine only when the configuration insists."""
    remote = "[database]\nurl = 'embedded'\n[instances.main]\nbase_url = 'http://school.edu'\n"
    assert "allow_http" in problems(config, remote)[0]
    assert load(config, remote + "allow_http = true").instance("main").origin == "http://school.edu"


def test_bad_files(config: Path, tmp_path: Path) -> None:
    """A missing file, broken TOML and text in another encoding each say what they are."""
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot read"):
        load_settings(tmp_path / "nowhere.toml", {})
    assert "not valid TOML" in problems(config, "[a\nb = 1")[0]
    config.write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_settings(config, {})


def test_unknown_instance(config: Path) -> None:
    """Asking for an instance that is not there lists those that are."""
    with pytest.raises(ConfigError, match="configured: main"):
        load(config, LOCAL).instance("mian")


def test_many_instances_are_no_trouble(config: Path) -> None:
    """Three hundred instances, each with a table of its own and a variable, load and resolve."""
    many = "\n".join(
        f"[instances.i{n}]\nbase_url = 'http://localhost:{n}'\n[instances.i{n}.brake]\n" for n in range(1, 301)
    )
    settings = load(config, many, **{f"SYNC_WORKER_INSTANCES__I{n}__TOKEN": f"t{n}" for n in range(1, 301)})
    tokens = {settings.instance(name).read_token().get_secret_value() for name in settings.instances}
    assert len(tokens) == 300


def test_where_the_configuration_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option, the variable, then the usual places, the first that has one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sync_worker.settings.load.USUAL_PLACES", (Path("config/a.toml"), Path("b.toml")))
    assert find_config(None, {}) is None
    Path("b.toml").touch()
    assert find_config(None, {}) == Path("b.toml")
    Path("config").mkdir()
    Path("config/a.toml").touch()
    assert find_config(None, {"SYNC_WORKER_CONFIG": ""}) == Path("config/a.toml")
    assert find_config(None, {"SYNC_WORKER_CONFIG": "v"}) == Path("v")
    assert find_config(Path("o"), {"SYNC_WORKER_CONFIG": "v"}) == Path("o")


def test_the_same_job_twice(tmp_path: Path) -> None:
    """Two tables that say the same would be one job; where they differ in their instances they are two."""
    text = (
        "[instances.main]\nbase_url = 'http://localhost'\ntoken = 't'\n"
        "[[schedule]]\njob = 'run'\ncron = '0 3 * * *'\n"
        "[[schedule]]\njob = 'run'\ncron = '0 3 * * *'\ninstances = ['main']\n"
        "[[schedule]]\njob = 'run'\ncron = '0 3 * * *'\njitter = '5m'\n"
    )
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"c\.toml:11: \[\[schedule\]\] 3: says the same as an earlier"):
        load_settings(tmp_path / "c.toml", {})


def test_what_the_notify_table_holds(tmp_path: Path) -> None:
    """A program in the folder of the configuration is found; the heartbeat's URL is a secret, and has to be one."""
    (tmp_path / "c.toml").write_text(
        "[notify]\ncommand = ['./tell', './arg']\nheartbeat_url = 'https://hc.example/uuid-1/'\n"
        "[metrics]\ntextfile = 'x.prom'\n",
        encoding="utf-8",
    )
    told: list[str] = []
    settings = load_settings(tmp_path / "c.toml", {}, on_secret=told.append)
    assert settings.notify.command == (str(tmp_path / "tell"), "./arg")
    assert settings.metrics.textfile == tmp_path / "x.prom"
    url = settings.heartbeat_url()
    assert url is not None
    assert (url.get_secret_value(), "uuid-1" in repr(settings), told) == (
        "https://hc.example/uuid-1",
        False,
        ["uuid-1"],
    )
    for wrong in ("hc.example/x", "ftp://hc.example/x", "https://hc.example/x?y=1"):
        with pytest.raises(ConfigError, match="must be a URL") as caught:
            load_settings(None, {"SYNC_WORKER_NOTIFY__HEARTBEAT_URL": wrong})
        assert "hc.example" not in str(caught.value)


def test_a_wrong_table_has_its_line(config: Path) -> None:
    """Also where only a table in it is written."""
    found = problems(config, LOCAL + '[instance.other]\nbase_url = "http://127.0.0.1:3000"\n')
    assert found == ["FILE:5: instance: unknown key; did you mean instances?"]
