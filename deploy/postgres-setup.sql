-- What an administrator runs once on a new Postgres server, by psql 15 or newer: the groups of
-- sql/schema/0020_roles.sql, a log-in for each, and the databases. Passwords come from the
-- environment. docker-compose.yml has the server run it when it starts for the first time.

\set ON_ERROR_STOP on
\getenv pipeline_password PIPELINE_PASSWORD
\getenv shop_password SHOP_PASSWORD
\getenv analyst_password ANALYST_PASSWORD

create role ecom_pipeline nologin;
create role ecom_shop nologin;
create role ecom_analyst nologin;

create role pipeline login password :'pipeline_password' in role ecom_pipeline;
-- What it makes belongs to its group, so that another log-in of the group may take its place.
alter role pipeline set role = 'ecom_pipeline';

create role shop login password :'shop_password' in role ecom_shop;

create role analyst login password :'analyst_password' in role ecom_analyst connection limit 20;
-- An analyst's slip must not keep the server busy for the night.
alter role analyst set statement_timeout = '15min';

create database ecom owner ecom_pipeline;
create database dagster owner ecom_pipeline;
revoke connect on database dagster from public;
