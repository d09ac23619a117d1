# Makes the cluster on the first start, then serves it.
set -e
run() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
chown postgres "$PGDATA" /var/run/postgresql
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  (umask 077; printf '%s' "$POSTGRES_PASSWORD" > /tmp/password; chown postgres /tmp/password)
  run initdb --username "$POSTGRES_USER" --pwfile /tmp/password $POSTGRES_INITDB_ARGS >/dev/null
  rm /tmp/password
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  echo "CREATE DATABASE $POSTGRES_DB;" | run postgres --single -j -D "$PGDATA" postgres >/dev/null
fi
exec setpriv --reuid=postgres --regid=postgres --init-groups postgres -c listen_addresses='*' -k /var/run/postgresql
