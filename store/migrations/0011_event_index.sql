-- +goose Up
-- dav_entry.recurring is a set of bits now: 1 has instances between first_ and last_, 2 has times that float,
-- 4 has an instance at first_. Of what was indexed before it is not
-- known whether its times float: those objects are looked at as if they did, until `schulhof check --repair` indexes them anew.
UPDATE dav_entry SET recurring = recurring + 2 WHERE component IS NOT NULL;

-- +goose Down
UPDATE dav_entry SET recurring = CASE WHEN recurring IN (1, 3, 5, 7) THEN 1 ELSE 0 END;
