-- title: Addresses that several users have
-- description: The same address, case aside, on channels of more than one user; those that most users have come first.
-- addresses: address
SELECT instance, type, address, users, channels, active_channels, user_states, user_ids
FROM reporting.shared_addresses
WHERE instance = ANY ($1::text[])
ORDER BY users DESC, instance, type, address;
