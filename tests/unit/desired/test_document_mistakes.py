"""Every mistake of YAML and JSON has its place: file, line, field and hint."""

from pathlib import Path

import pytest

from tests.unit.desired.documents import mistakes, written

BOMB = "version: 1\nusers:\n- channels:\n  - &a0 [x]\n" + "".join(f"  - &a{n + 1} [*a{n}, *a{n}]\n" for n in range(60))
USER = "version: 1\nusers:\n  - user: 7\n    channels:\n      - "


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "d.yaml:1: the document is empty. It has version: 1"),
        ("---\n", ": the document is empty"),
        ("# nothing\n", "d.yaml:1: the document is empty"),
        ("hello", "d.yaml:1: the document is text"),
        ("*a", "d.yaml:1: the document is an alias"),
        ("\n- user: 7", "d.yaml:2: the document is a list"),
        ("!!map {version: 1}", "d.yaml:1: the document is a value with a tag"),
        ("version: 1\nusers: []\n---\nversion: 1", "d.yaml:3: the document is followed by another one"),
        ("version: 1\nusers: [", ": this is not YAML ("),
        ("version: 1\n\tusers: []", "d.yaml:2: this is not YAML ("),
        (b"version: 1\nusers: \xff", "d.yaml:2: this is not UTF-8. Save it as UTF-8"),
        (b"version: 1\nusers: \x00", "d.yaml:1: this is not YAML ("),
        ("users: []", "d.yaml:1: version is missing. Write version: 1"),
        ("version: 1", "d.yaml:1: users is missing"),
        ("version: 2\nusers: []", "d.yaml:1: version: this version of the form is not known. Write version: 1"),
        ("version: '1'\nusers: []", "d.yaml:1: version: this version"),
        ("version: true\nusers: []", "d.yaml:1: version: this version"),
        ("version: 1\nusers: []\nusers: []", "d.yaml:3: users is written twice. First in line 2"),
        ("version: 1\nusers:", "d.yaml:2: users: must be a list, not nothing. Write [] for none"),
        ("version: 1\nusers: {}", "d.yaml:2: users: must be a list, not a table"),
        ("version: 1\nusers: !!seq []", "d.yaml:2: users: must be a list, not a value with a tag"),
        ("version: 1\nusers: []\nuser: {a: [b]}", "d.yaml:3: unknown key 'user'. Did you mean users?"),
        ("version: 1\nusers: []\nwhat: [1, [2]]", "d.yaml:3: unknown key 'what'. Known are version, defaults, users"),
        ("version: 1\nusers: []\n[a]: b", "d.yaml:3: a key must be a word, not a list"),
        ("version: 1\nusers: []\ndefaults: 1", "d.yaml:3: defaults: must be a table of fields, not a number"),
        (
            "version: 1\nusers: []\ndefaults: {mode: all}",
            "d.yaml:3: defaults.mode: 'all' is no mode. Write add or exact",
        ),
        ("version: 1\nusers: []\ndefaults: {mode: exct}", "defaults.mode: 'exct' is no mode. Did you mean exact?"),
        ("version: 1\nusers: []\ndefaults: {mode: no}", "defaults.mode: 'no' is no mode"),
        ("version: 1\nusers: []\ndefaults: {manage: email}", "defaults.manage: must be a list, not text"),
        ("version: 1\nusers: []\ndefaults: {manage: []}", "defaults.manage: must name a type. Write [email]"),
        ("version: 1\nusers: []\ndefaults: {manage: [emial]}", "'emial' is no type of channel. Did you mean email?"),
        ("version: 1\nusers: []\ndefaults: {skip_confirmation: yes}", "must be true or false, not text"),
        ("version: 1\nusers: []\ndefaults: {reason: x}", "d.yaml:3: defaults: unknown key 'reason'. Known are mode"),
        ("version: 1\nusers: [7]", "d.yaml:2: users[0]: must be a table of fields, not a number"),
        ("version: 1\nusers:\n- {channels: []}", "d.yaml:3: users[0]: user is missing"),
        ("version: 1\nusers:\n- {user: S1, channels: []}", "d.yaml:3: users[0].user: 'S1' is no Canvas id. Write a"),
        ("version: 1\nusers:\n- {user: siss:1, channels: []}", "users[0].user: 'siss' names no kind of user. Use id:"),
        ("version: 1\nusers:\n- {user: true, channels: []}", "users[0].user: must be text, not true or false"),
        ("version: 1\nusers:\n- {user: 7, channels: 7}", "users[0].channels: must be a list, not a number"),
        ("version: 1\nusers:\n- {user: 7, chanels: []}", "users[0]: unknown key 'chanels'. Did you mean channels?"),
        ("version: 1\nusers:\n- user: 7\n  user: 8", "d.yaml:4: users[0]: user is written twice. First in line 3"),
        ("version: 1\nusers:\n- {user: 7, mode: exact}", "users[0]: mode exact needs channels. Write channels: []"),
        (
            "version: 1\nusers:\n- &a {user: 7, channels: []}\n- *a",
            "d.yaml:3: user: the user is described a second time",
        ),
        ("version: 1\nusers:\n- {user: 7, channels: [], <<: *a}", "users[0]: unknown key '<<'"),
        ("version: 1\nusers:\n- {user: 7, channels: [], [1]: 2}", "users[0]: a key must be a word, not a list"),
        ("version: 1\nusers:\n- {user: 7, channels: [], *a : 2}", "users[0]: a key must be a word, not an alias"),
        ("version: 1\nusers:\n- {user: !!int 7, channels: []}", "users[0].user: must be text, not a value with a tag"),
        ("version: 1\nusers:\n- {user: *a, channels: []}", "users[0].user: must be text, not an alias of something"),
        (BOMB, "d.yaml:22: this is not YAML (aliases mean too much, write it out)"),
        ("version: 1\nusers:\n- " + "[" * 100, "d.yaml:3: this is not YAML (nested too deeply)"),
        (USER + "x", "d.yaml:4: users[0].channels[0]: must be a table of fields, not text"),
        (USER + "{type: email}", "d.yaml:5: users[0].channels[0]: address is missing"),
        (USER + "{address: a@x.org}", "d.yaml:5: users[0].channels[0]: type is missing"),
        (USER + "{type: '', address: a@x.org}", "users[0].channels[0].type: the type is blank. Write email or sms"),
        (USER + "{type: Email, address: a@x.org}", "'Email' is no type of channel. Did you mean email?"),
        (USER + "{type: e.f, address: a@x.org}", "'e.f' is no type of channel. Write email or sms"),
        (USER + "{type: email, address: ' '}", "users[0].channels[0].address: the address is blank. Leave"),
        (USER + "{type: email, address: null}", "users[0].channels[0].address: must be text, not nothing"),
        (USER + "{type: email, address: 1.5e}", "users[0].channels[0].address: an e-mail address has an @"),
        (
            USER + "\n        type: email\n        address: a b@x.org",
            "d.yaml:7: users[0].channels[0].address: an e-mail",
        ),
        (USER + '{type: email, address: "a\\u200b@x.org"}', "the address has invisible or undecodable characters"),
        (USER + '{type: sms, address: "1\\x07"}', "the address has invisible or undecodable characters"),
        (USER + "{type: email, address: " + "a" * 300 + "@x.org}", "the address has 306 characters, Canvas holds 255"),
        (USER + "{type: email, address: a@x.org, skip_confirmation: 1}", "must be true or false, not a number"),
        (USER + "{type: email, address: a@x.org, reason: [x]}", "channels[0].reason: must be text, not a list"),
        (USER + '{type: email, address: a@x.org, reason: "\\e[31m"}', "reason: the reason has control characters"),
        (USER + "{type: email, address: a@x.org, state: absent}", "channels[0]: unknown key 'state'. Known are type"),
        (
            USER + "{type: email, address: a@x.org}\n      - {type: email, address: A@X.org}",
            "d.yaml:6: users[0].address: the same email address is already in d.yaml:5. Case does not matter",
        ),
        (
            USER + "{type: sms, address: 1}\n    absent: [{type: sms, address: '1'}]",
            "d.yaml:6: users[0].address: the same sms address is present in d.yaml:5 and absent in d.yaml:6. Decide",
        ),
        (
            "version: 1\nusers:\n- {user: 7, channels: []}\n- {user: 8, channels: []}\n- {user: id:7, absent: []}",
            "d.yaml:5: user: the user is described a second time, first in d.yaml:3. Describe a user once",
        ),
    ],
)
def test_every_mistake_of_yaml_has_its_place(tmp_path: Path, content: str | bytes, words: str) -> None:
    """File, line, field and hint; one mistake is told once."""
    [line] = mistakes(written(tmp_path, "d.yaml", content))
    assert words in line
    assert line.startswith("d.yaml:")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "d.json:1: the document is empty"),
        ("\n[]", "d.json:2: the document is a list"),
        ('"x"', "d.json:1: the document is text"),
        ("{", "d.json:1: this is not JSON (expecting a key in double quotes)"),
        ("{'version': 1}", "d.json:1: this is not JSON (expecting a key"),
        ('{"version": 1,\n "users": [}', "d.json:2: this is not JSON (expecting value)"),
        ('{"version": 1,\n "users": [{"user": 7, "absent": []} 2]}', "d.json:2: this is not JSON (expecting ,)"),
        ('{"version": 1,\n "users": ["a]}', "d.json:2: this is not JSON (unterminated string"),
        ('{"version": 1,\n\n "users" []}', "d.json:3: this is not JSON (expecting :)"),
        ('{"version": 1, "users": []} x', "d.json:1: this is not JSON (extra data behind the document)"),
        ('{"version": 1, "users": [' + "9" * 5000 + "]}", "d.json:1: this is not JSON (a number is too long)"),
        ('{"version": 1, "users": [' + "[" * 5000, "d.json:1: this is not JSON (nested too deeply)"),
        (b'{"version": 1,\n"users": "\xff"}', "d.json:2: this is not UTF-8"),
        ('{"version": 1.0, "users": []}', "d.json:1: version: this version of the form is not known"),
        ('{"version": 1, "users": {}}', "d.json:1: users: must be a list, not a table"),
        (
            '{"version": 1, "users": [\n{"user": 7.5, "channels": []}]}',
            "d.json:2: users[0].user: must be text, not a num",
        ),
        (
            '{"version": 1, "users": [{"user": 7, "channels": [{"type": "sms", "address": "\\ud800"}]}]}',
            "users[0].channels[0].address: the address has invisible or undecodable characters",
        ),
    ],
)
def test_every_mistake_of_json_has_its_place(tmp_path: Path, content: str | bytes, words: str) -> None:
    """As in YAML; the parser's own complaints have their line."""
    [line] = mistakes(written(tmp_path, "d.json", content))
    assert line.startswith(words) or words in line
