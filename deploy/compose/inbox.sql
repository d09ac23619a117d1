-- The inbox has a database and a role of its own, so that whoever takes deliveries from the internet can open nothing of Dagster's.
-- A new cluster reads this by itself; one that is older once:
--   docker compose --file deploy/compose.yaml exec -T postgres psql -v ON_ERROR_STOP=1 -U soloist -d soloist < deploy/compose/inbox.sql
\getenv password INBOX_PASSWORD
CREATE ROLE inbox LOGIN PASSWORD :'password';
CREATE DATABASE inbox OWNER inbox;
REVOKE ALL ON DATABASE soloist, inbox, postgres, template1 FROM PUBLIC;
-- Whatever the owner of the platform makes there belongs to the inbox too.
ALTER ROLE soloist IN DATABASE inbox SET role = inbox;
