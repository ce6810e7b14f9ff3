-- The two roles of a Mattery database. Safe to run again; run it as a role that may create roles and databases:
--
--   MATTERY_OWNER_PASSWORD=… MATTERY_APP_PASSWORD=… psql -v ON_ERROR_STOP=1 -v database=mattery -f deploy/roles.sql postgres
--
--   mattery_owner  owns the database and all in it; migrations run as it
--   mattery_app    web and workers run as it; owns nothing, so that row-level security binds it
--
-- The passwords come through the environment because a command line is readable by every user of the machine.
SET client_min_messages = warning;

\getenv owner_password MATTERY_OWNER_PASSWORD
\getenv app_password MATTERY_APP_PASSWORD

SELECT 'CREATE ROLE mattery_owner' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mattery_owner') \gexec
SELECT 'CREATE ROLE mattery_app' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mattery_app') \gexec
ALTER ROLE mattery_owner LOGIN PASSWORD :'owner_password';
ALTER ROLE mattery_app LOGIN PASSWORD :'app_password';

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles
             WHERE rolname IN ('mattery_owner', 'mattery_app') AND (rolsuper OR rolbypassrls)) THEN
    RAISE 'mattery_owner and mattery_app must be neither superuser nor exempt from row-level security';
  END IF;
END
$$;

GRANT mattery_owner TO CURRENT_USER;
SELECT format('CREATE DATABASE %I OWNER mattery_owner', :'database')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO mattery_app;

\connect :"database"
SET ROLE mattery_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO mattery_app;
ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO mattery_app;
ALTER DEFAULT PRIVILEGES GRANT USAGE, SELECT ON SEQUENCES TO mattery_app;
