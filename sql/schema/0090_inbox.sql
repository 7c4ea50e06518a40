-- The inbox: a directory whose files are loaded as they arrive, each once, whoever looks.

create table ops.inbox_files (
    directory text not null,
    name text not null,
    size_in_bytes bigint not null,
    modified_ns bigint not null,
    changed_ns bigint not null,
    digest text not null,
    mapping text not null default '',
    loaded_at timestamptz not null default clock_timestamp(),
    constraint inbox_files_pkey primary key (directory, name)
);

comment on table ops.inbox_files is
'One row per file of an inbox that was loaded from there: as it was when it was loaded last.';
comment on column ops.inbox_files.directory is 'The inbox.';
comment on column ops.inbox_files.name is 'The file''s name.';
comment on column ops.inbox_files.size_in_bytes is 'Its size.';
comment on column ops.inbox_files.modified_ns is
'When its contents were modified, as its file system says, in nanoseconds since 1970.';
comment on column ops.inbox_files.changed_ns is
'When it was changed in any way, its times included, in nanoseconds since 1970.';
comment on column ops.inbox_files.digest is 'SHA-256 of its contents.';
comment on column ops.inbox_files.mapping is
'SHA-256 of the mapping by which it was loaded; empty without one.';
comment on column ops.inbox_files.loaded_at is 'Instant when that load had come to its end, UTC.';

create table ops.inbox_failures (
    directory text not null,
    arrival text not null,
    error text not null,
    failed_at timestamptz not null default clock_timestamp(),
    constraint inbox_failures_pkey primary key (directory)
);

comment on table ops.inbox_failures is
'One row per inbox whose files could not be loaded as they were; gone once they are loaded.';
comment on column ops.inbox_failures.directory is 'The inbox.';
comment on column ops.inbox_failures.arrival is
'Digest of the names, sizes and times of its files; the same files are not tried again.';
comment on column ops.inbox_failures.error is 'What was wrong, without what the files say.';
comment on column ops.inbox_failures.failed_at is 'Instant of the failure, UTC.';

select ops.grant_rights();
