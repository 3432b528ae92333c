-- Whether an answer can come of an entry, by its action. All other entries are refusals and changes: where they have a level, it
-- is that of what was asked for or granted, and nobody was shown anything by them, whether they were completed or not.
CREATE FUNCTION ledger.can_disclose(p_action text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN starts_with(p_action, 'read.') OR starts_with(p_action, 'export.');

REVOKE ALL ON FUNCTION ledger.can_disclose FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.can_disclose TO penumbra_web;
