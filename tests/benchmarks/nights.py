"""A mirror with a past, made of numbers within PostgreSQL: users, channels, history, and so many nights of runs.

Two of five users have a bouncing or an unconfirmed address, one in a thousand shares an address with somebody, one in a
hundred is not present; a third of the channels has a superseded version. A plan for every tenth channel
is compared every night; half of it is done, and a tenth of that undone.
"""

from typing import Any, Final

import asyncpg

from sync_worker.clock import Clock
from sync_worker.mirror.ledger import REMEMBERED
from sync_worker.mirror.sql import statement

INSTANCE: Final = "main"
CHANNELS_PER_USER: Final = 2
BATCH: Final = 250  # users

_INSTANCE: Final = "INSERT INTO worker.instances (instance, origin) VALUES ($1, 'https://school.example.com')"
_USERS: Final = """
    INSERT INTO mirror.users (instance, id, sis_user_id, login_id, state, listed_in, first_seen_at, changed_at)
    SELECT $1, n, 'S' || n, 'user' || n || '@school.example',
        CASE n % 300 WHEN 7 THEN 'gone' WHEN 8 THEN 'unreadable' WHEN 9 THEN 'unlisted' ELSE 'present' END,
        '{self}', now() - make_interval(days => $3),
        now() - make_interval(days => CASE WHEN n % 300 IN (7, 8, 9) THEN $3 / 2 ELSE $3 END)
    FROM generate_series(1, $2::integer) AS n
"""
_USER_HISTORY: Final = """
    INSERT INTO mirror.user_history (instance, user_id, sis_user_id, login_id, state, valid_from, valid_to, run_id)
    SELECT instance, id, CASE id % 300 WHEN 7 THEN 'S' || id + 1 ELSE sis_user_id END, login_id, 'present',
        first_seen_at, changed_at, 1
    FROM mirror.users WHERE instance = $1 AND state <> 'present'
"""
_CHANNELS: Final = """
    INSERT INTO mirror.communication_channels (
        instance, id, user_id, type, address, folded_address, position, workflow_state, bounce_count, last_bounce_at,
        bounce_known, created_at, first_seen_at, changed_at, deleted_at
    )
    SELECT $1, n, n / $3 + 1,
        CASE n % 20 WHEN 3 THEN 'sms' WHEN 5 THEN 'push' ELSE 'email' END, a.address, lower(a.address),
        n % $3 + 1, CASE WHEN n % 10 = 1 THEN 'unconfirmed' ELSE 'active' END,
        CASE WHEN n % 25 = 2 THEN 1 ELSE 0 END, CASE WHEN n % 25 = 2 THEN now() - interval '1 day' * (n % 300) END,
        n % 50 <> 4, now() - interval '2 years', now() - make_interval(days => $4),
        now() - make_interval(days => CASE n % 3 WHEN 0 THEN n % $4 ELSE $4 END),
        CASE WHEN n % 60 = 0 THEN now() - make_interval(days => n % $4) END
    FROM generate_series(1, $2::integer) AS n
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN n % 20 = 3 THEN '+1555' || n
            WHEN n % 20 = 5 THEN 'For All Devices'
            WHEN n % 1000 = 0 THEN 'Shared' || n / 2000 || '@school.example'
            ELSE 'User' || n || '@d' || n % 500 || '.example.com'
        END AS address
    ) a
"""
_HISTORY: Final = """
    INSERT INTO mirror.channel_history (
        instance, channel_id, user_id, type, address, folded_address, position, workflow_state, bounce_count,
        last_bounce_at, bounce_known, created_at, valid_from, valid_to, run_id, origin
    )
    SELECT instance, id, user_id, type, CASE id % 4 WHEN 0 THEN 'old' || id || '@school.example' ELSE address END,
        CASE id % 4 WHEN 0 THEN 'old' || id || '@school.example' ELSE folded_address END,
        position, 'unconfirmed', 0, NULL, bounce_known, created_at, first_seen_at, changed_at, 1, 'canvas'
    FROM mirror.communication_channels WHERE instance = $1 AND id % 3 = 0 AND changed_at > first_seen_at
"""
_RUNS: Final = """
    INSERT INTO worker.runs (
        instance, kind, status, exit_code, users_spec, source_fingerprint, listed, started_at, finished_at, users_total,
        users_done, channels_seen, requests, throttled, seconds, program_version, host, pid, started_by
    )
    SELECT $1, 'run', 'done', 0, '{account:self}', '', true, now() - make_interval(days => $3::integer - n),
        now() - make_interval(days => $3::integer - n) + interval '1 hour', $2::integer, $2::integer,
        $2::integer * 2, $2::integer, 0, 3600, '0.1.0', 'host', 1, 'cron'
    FROM generate_series(1, $3::integer) AS n
"""
_BATCHES: Final = """
    INSERT INTO worker.batches (run_id, number, reason, user_ids, status, done_at, users_done)
    SELECT r.id, b, 'source', ARRAY(
            SELECT u FROM generate_series((b - 1) * $3::integer + 1, least(b * $3::integer, $2::integer)) AS u
            WHERE u % 300 NOT IN (7, 9) OR r.id % $4::integer < $4::integer / 2
        ), 'done', r.started_at + interval '1 second' * b, $3::integer
    FROM worker.runs r CROSS JOIN generate_series(1, ($2::integer + $3::integer - 1) / $3::integer) AS b
    WHERE r.instance = $1
"""
_FAILURES: Final = """
    INSERT INTO worker.failures (run_id, instance, reference, user_id, kind, status, message, reason, failed_at)
    SELECT max(r.id), $1, 'id:' || n, n, 'trouble', 502, 'bad gateway', 'source', now()
    FROM worker.runs r CROSS JOIN generate_series(11, $2::integer, 997) AS n
    WHERE r.instance = $1
    GROUP BY n
"""
_CANDIDATES: Final = """
    INSERT INTO worker.candidates (instance, channel_id, user_id, run_id, read_at, reason, held_run_id, held_by_brake)
    SELECT c.instance, c.id, c.user_id, r.id, now(), 'absent', r.id, true
    FROM mirror.communication_channels c CROSS JOIN (SELECT max(id) AS id FROM worker.runs WHERE instance = $1) r
    WHERE c.instance = $1 AND c.deleted_at IS NULL AND c.id % 1009 = 1
"""
_PLAN: Final = """
    INSERT INTO worker.plans (
        instance, origin, status, made_at, expires_at, made_by, document, digest, fingerprint, creates, deletes,
        messages, content
    )
    SELECT $1, '', 'applied', now(), now(), 'ann', 'desired.csv', '', '', $2, 0, 0, jsonb_build_object('users', (
        SELECT jsonb_agg(jsonb_build_object('diff', jsonb_build_object('changes', jsonb_build_array(jsonb_build_object(
            'user_id', n, 'kind', 'create', 'type', 'email', 'address', 'new' || n || '@school.example', 'reason', 'why'
        )))))
        FROM generate_series(1, $2::integer) AS n
    ))
    RETURNING id
"""
_ACTIONS: Final = """
    INSERT INTO worker.actions (
        instance, plan_id, ordinal, run_id, user_id, kind, type, address, folded_address, channel_id,
        skip_confirmation, status, settled_at, os_user, reason
    )
    SELECT $1, $2, n, r.id, n, 'create', 'email', 'new' || n || '@school.example',
        'new' || n || '@school.example', n, true, 'done', now(), 'ann', 'why'
    FROM (SELECT max(id) AS id FROM worker.runs WHERE instance = $1) r CROSS JOIN generate_series(1, $3::integer) AS n
"""
_UNDO: Final = """
    WITH plan AS (
        INSERT INTO worker.plans (
            instance, origin, kind, status, made_at, expires_at, made_by, document, digest, fingerprint, creates,
            deletes, messages, content
        )
        VALUES ($1, '', 'undo', 'applied', now(), now(), 'ann', 'undo of plan ' || $2::bigint, '', '', 0, $3, 0, '{}')
        RETURNING id
    )
    INSERT INTO worker.actions (
        instance, plan_id, ordinal, run_id, user_id, kind, type, address, folded_address, channel_id,
        skip_confirmation, status, settled_at, os_user, reason
    )
    SELECT a.instance, plan.id, a.ordinal, a.run_id, a.user_id, 'delete', a.type, a.address, a.folded_address,
        a.channel_id, false,
        'done', now(), 'ann', 'back'
    FROM worker.actions a, plan
    WHERE a.plan_id = $2::bigint AND a.ordinal <= $3::integer
"""
_COMPARISONS: Final = """
    INSERT INTO worker.comparisons (
        instance, document, digest, compared_at, compared_by, users, users_differing, users_unresolved, creates,
        deletes, plan_id
    )
    SELECT $1, 'desired.csv', '', now() - make_interval(days => $4::integer - n), 'cron', $3::integer, $3::integer, 0,
        $3::integer, 0, CASE n WHEN $4::integer THEN $2::bigint END
    FROM generate_series(1, $4::integer) AS n
"""


_NOTED: Final = """
    WITH noted AS (
        UPDATE mirror.users SET noted_read_at = now() - make_interval(days => $2 / 2)
        WHERE instance = $1 AND state <> 'present'
    )
    UPDATE worker.instances SET reads_noted_to = (SELECT max(id) - 1 FROM worker.runs WHERE instance = $1)
    WHERE instance = $1
"""
"""As the nights before the last but one have left it."""


async def fill(connection: "asyncpg.Connection[asyncpg.Record]", *, channels: int, nights: int) -> None:
    """Write an empty, migrated database full."""
    users = channels // CHANNELS_PER_USER + 1
    actions = channels // 20
    await connection.execute(_INSTANCE, INSTANCE)
    await connection.execute(_USERS, INSTANCE, users, nights)
    await connection.execute(_CHANNELS, INSTANCE, channels, CHANNELS_PER_USER, nights)
    await connection.execute(_RUNS, INSTANCE, users, nights)
    steps: tuple[tuple[str, tuple[Any, ...]], ...] = (
        (_USER_HISTORY, ()),
        (_HISTORY, ()),
        (_BATCHES, (users, BATCH, nights)),
        (_FAILURES, (users,)),
        (_CANDIDATES, ()),
    )
    for step, arguments in steps:
        await connection.execute(step, INSTANCE, *arguments)
    planned = 2 * actions  # half of them are done
    plan = await connection.fetchval(_PLAN, INSTANCE, planned)
    await connection.execute(_ACTIONS, INSTANCE, plan, actions)
    await connection.execute(_UNDO, INSTANCE, plan, actions // 10)
    await connection.execute(_COMPARISONS, INSTANCE, plan, planned, nights)
    await connection.execute(_NOTED, INSTANCE, nights)
    await note_reads(connection)
    await connection.execute("VACUUM ANALYZE")


async def note_reads(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """What the end of the last run does."""
    last = await connection.fetchval("SELECT max(id) FROM worker.runs WHERE instance = $1", INSTANCE)
    await connection.execute(statement("note_reads"), INSTANCE, last, Clock().now() - REMEMBERED)
