#!/usr/bin/env bash
# Makes the database and its five roles when the data folder is empty. Refuses a password that is short, repeated or missing.
set -euo pipefail

secrets=${PENUMBRA_SECRETS:-/run/secrets}
sql=${PENUMBRA_SQL:-/penumbra/sql}

refuse() {
    echo "penumbra: $1" >&2
    echo "penumbra: run docker/make-secrets, remove the unfinished volume (docker/README.md), and start again" >&2
    exit 1
}

for name in superuser owner web worker ledger sealer; do
    [ -s "$secrets/db_$name" ] || refuse "secret db_$name is missing or empty"
    [ "$(tr -d '\n' <"$secrets/db_$name" | wc -c)" -ge 32 ] || refuse "secret db_$name is shorter than 32 characters"
done
repeated=$(for name in superuser owner web worker ledger sealer; do echo "$(cat "$secrets/db_$name")"; done | sort | uniq -d)
[ -z "$repeated" ] || refuse "two roles share a password"

PENUMBRA_DB_PASSWORD_OWNER=$(cat "$secrets/db_owner")
PENUMBRA_DB_PASSWORD_WEB=$(cat "$secrets/db_web")
PENUMBRA_DB_PASSWORD_WORKER=$(cat "$secrets/db_worker")
PENUMBRA_DB_PASSWORD_LEDGER=$(cat "$secrets/db_ledger")
PENUMBRA_DB_PASSWORD_SEALER=$(cat "$secrets/db_sealer")
export PENUMBRA_DB_PASSWORD_OWNER PENUMBRA_DB_PASSWORD_WEB PENUMBRA_DB_PASSWORD_WORKER PENUMBRA_DB_PASSWORD_LEDGER
export PENUMBRA_DB_PASSWORD_SEALER

psql=(psql -X -q -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}")
"${psql[@]}" -d postgres -f "$sql/roles.sql"
"${psql[@]}" -d postgres -c "CREATE DATABASE penumbra OWNER penumbra_owner ENCODING 'UTF8' TEMPLATE template0"
"${psql[@]}" -d penumbra -f "$sql/database.sql"
