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
  run pg_ctl --pgdata "$PGDATA" --options "-c listen_addresses='' -k /var/run/postgresql" --wait --silent start
  for file in /docker-entrypoint-initdb.d/*.sql; do
    run psql --set ON_ERROR_STOP=1 --no-psqlrc --quiet --host /var/run/postgresql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --file "$file"
  done
  run pg_ctl --pgdata "$PGDATA" --mode fast --wait --silent stop
fi
exec setpriv --reuid=postgres --regid=postgres --init-groups postgres -c listen_addresses='*' -k /var/run/postgresql
