-- By which trace an audited change came about: 32 hexadecimal digits of W3C Trace Context, or nothing where no trace was recorded.
alter table audit_record add column trace_id text not null default '' check (trace_id ~ '^([0-9a-f]{32})?$');
