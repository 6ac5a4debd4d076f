-- title: Channels that nobody confirms
-- description: Live channels that have been unconfirmed for so many days or longer, the longest first.
-- parameter: days integer 14 = for how many days at least
-- addresses: address
-- identifiers: sis_user_id login_id
SELECT instance, user_id, sis_user_id, login_id, type, address, unconfirmed_since, origin, read_at
FROM reporting.unconfirmed_channels
WHERE instance = ANY ($1::text[]) AND unconfirmed_since <= $3::timestamptz - make_interval(days => $2::integer)
ORDER BY unconfirmed_since, instance, id;
