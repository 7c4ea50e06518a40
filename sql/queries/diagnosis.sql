-- name: server_facts^
-- The server's major version and what its clock says.
select
    current_setting('server_version_num')::integer / 10000 as major_version,
    clock_timestamp() as clock;
