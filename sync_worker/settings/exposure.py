"""Whether other people on this machine could read a file that holds a secret.

A file is as open as its folders are: nobody reads what lies in a folder that he may not enter. systemd keeps
credentials in such a folder, so their mode (0440, where an access list opens them to the service) is no exposure.
"""

import grp
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_GROUP: Final = stat.S_IRGRP | stat.S_IWGRP
_OTHERS: Final = stat.S_IROTH | stat.S_IWOTH
_PERMISSIONS: Final = 0o7777


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A file or a folder, as far as it matters who may use it."""

    mode: int
    uid: int
    gid: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """What stands on the disk; raises `OSError`."""
        found = path.stat()
        return cls(mode=found.st_mode, uid=found.st_uid, gid=found.st_gid)

    def lets_others_in(self) -> bool:
        """Whether everybody may enter this folder."""
        return bool(self.mode & stat.S_IXOTH)

    def lets_group_in(self, gid: int) -> bool:
        """Whether somebody who is of the group `gid`, and of no other one, may enter this folder."""
        return bool(self.mode & (stat.S_IXGRP if self.gid == gid else stat.S_IXOTH))


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A file with a secret in it."""

    setting: str  # the setting that names it, for messages
    path: Path

    def exposure(self, me: int) -> str:
        """One sentence, with the remedy, where others can use the file; empty where nobody else can.

        Args:
            me: the user who runs the program; what it can read only through a group is meant for that group.
        """
        try:
            place = self.path.resolve(strict=True)
            if not place.is_file():
                return ""  # no secret, whatever it is: whoever reads it will say so
            file, folders = Node.of(place), [Node.of(folder) for folder in place.parents]
        except OSError:
            return ""  # whoever reads it will say so
        who = exposed_to(file, folders)
        if who == "group" and (me not in {0, file.uid} or _is_private(file)):
            return ""
        people = {"everybody": "everybody on this machine", "group": f"the group {_group(file.gid)}"}.get(who)
        if people is None:
            return ""
        mode = f"mode {file.mode & _PERMISSIONS:04o}"
        return f"{self.setting}: {self.path} holds a secret and is open to {people} ({mode}); run: chmod 600 {place}"


def exposed_to(file: Node, folders: list[Node]) -> str:
    """Who beside the owner can reach and read (or change) the file: `everybody`, `group` or nobody (empty)."""
    if file.mode & _OTHERS and all(folder.lets_others_in() for folder in folders):
        return "everybody"
    if file.mode & _GROUP and all(folder.lets_group_in(file.gid) for folder in folders):
        return "group"
    return ""


def _is_private(file: Node) -> bool:
    """Whether the group is the owner's own, as many systems give one to each user, and holds nobody else."""
    try:
        group, owner = grp.getgrgid(file.gid), pwd.getpwuid(file.uid)
    except KeyError:
        return False
    return group.gr_name == owner.pw_name and not set(group.gr_mem) - {owner.pw_name}


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def exposures(secrets: Iterator[Secret], me: int) -> Iterator[str]:
    """One sentence for each file that others can read; a file that several settings name is told once."""
    told: set[Path] = set()
    for secret in secrets:
        sentence = secret.exposure(me)
        if sentence and secret.path not in told:
            told.add(secret.path)
            yield sentence
