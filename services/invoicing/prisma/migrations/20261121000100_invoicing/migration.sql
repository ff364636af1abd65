-- Billing runs, the invoices they make, and their numbers. Amounts are numeric, instants are microseconds since 1970.

-- A composed run: what its cutoff decided, whether or not it has lines. Unique by (subscription, run), which is what makes closing exactly-once.
create table billing_run (
  organization_id        text    not null,
  subscription_reference text    not null collate "C",
  run_index              integer not null check (run_index >= 1),
  run_id                 text    not null,
  customer_reference     text    not null collate "C",
  start_time             bigint  not null,
  end_time               bigint  not null check (end_time >= start_time),
  previous_cutoff_time   bigint  not null,
  cutoff_time            bigint  not null check (cutoff_time >= previous_cutoff_time),
  engine_version         integer not null,
  currency_code          text    not null,
  -- The sum of the lines.
  subtotal               numeric not null,
  -- RFC 8785 text, and the hex SHA-256 of its UTF-8 bytes.
  canonical_invoice      text    not null,
  digest                 text    not null,
  recorded_time          bigint  not null,
  primary key (organization_id, subscription_reference, run_index),
  unique (organization_id, run_id)
);
select protect_append_only('billing_run');

-- The lines of a run, whatever document they make.
create table run_line (
  organization_id        text    not null,
  subscription_reference text    not null collate "C",
  run_index              integer not null,
  line_index             integer not null check (line_index >= 1),
  line_key               text    not null,
  cycle_index            integer not null check (cycle_index between 1 and run_index),
  item                   text    not null,
  price_code             text    not null,
  price_version          integer not null,
  charge_kind            text    not null check (charge_kind in ('FEE', 'USAGE')),
  is_adjustment          boolean not null,
  description            text    not null,
  start_time             bigint  not null,
  end_time               bigint  not null check (end_time >= start_time),
  quantity               numeric,
  unit_amount            numeric,
  amount                 numeric not null,
  -- The derivation as RFC 8785 text.
  trace                  text    not null,
  primary key (organization_id, subscription_reference, run_index, line_index),
  unique (organization_id, subscription_reference, run_index, line_key),
  foreign key (organization_id, subscription_reference, run_index) references billing_run
);
select protect_append_only('run_line');

-- The invoice of a run whose lines do not sum below zero. It is a draft until it has a finalization; nothing of it ever changes.
create table invoice (
  organization_id        text    not null,
  invoice_id             text    not null,
  subscription_reference text    not null collate "C",
  run_index              integer not null,
  issue_time             bigint  not null,
  total                  numeric not null check (total >= 0),
  recorded_time          bigint  not null,
  primary key (organization_id, invoice_id),
  unique (organization_id, subscription_reference, run_index),
  foreign key (organization_id, subscription_reference, run_index) references billing_run
);
create index invoice_by_issue_time on invoice (organization_id, issue_time, invoice_id);
select protect_append_only('invoice');

-- What a run owes when its lines sum below zero; carried to the subscription's next invoices.
create table credit_note (
  organization_id        text    not null,
  credit_note_id         text    not null,
  subscription_reference text    not null collate "C",
  run_index              integer not null,
  issue_time             bigint  not null,
  amount                 numeric not null check (amount > 0),
  recorded_time          bigint  not null,
  primary key (organization_id, credit_note_id),
  unique (organization_id, subscription_reference, run_index),
  foreign key (organization_id, subscription_reference, run_index) references billing_run
);
create index credit_note_by_issue_time on credit_note (organization_id, issue_time, credit_note_id);
select protect_append_only('credit_note');

-- How much of a credit note an invoice uses up, below its subtotal.
create table credit_application (
  organization_id text    not null,
  credit_note_id  text    not null,
  invoice_id      text    not null,
  amount          numeric not null check (amount > 0),
  primary key (organization_id, credit_note_id, invoice_id),
  foreign key (organization_id, credit_note_id) references credit_note,
  foreign key (organization_id, invoice_id) references invoice
);
create index credit_application_by_invoice on credit_application (organization_id, invoice_id);
select protect_append_only('credit_application');

-- What makes a draft an invoice: its number, gapless in the organization.
create table invoice_finalization (
  organization_id text   not null,
  invoice_id      text   not null,
  number          bigint not null check (number >= 1),
  recorded_time   bigint not null,
  primary key (organization_id, invoice_id),
  unique (organization_id, number),
  foreign key (organization_id, invoice_id) references invoice
);
select protect_append_only('invoice_finalization');

-- The last number given out. Its row lock puts finalizations of one organization in a row; it moves in their transaction, so a number is never lost or given twice.
create table invoice_number (
  organization_id text   not null primary key,
  last_number     bigint not null check (last_number >= 0)
);
select protect_tenant_table('invoice_number', 'select, insert, update');

-- Drafts and when they are to be finalized: a work list, not a fact.
create table invoice_draft (
  organization_id text   not null,
  finalize_time   bigint not null,
  issue_time      bigint not null,
  invoice_id      text   not null,
  -- Whether the last check found it impossible: it waits for a person, and the others go on.
  refused         boolean not null default false,
  primary key (organization_id, invoice_id),
  foreign key (organization_id, invoice_id) references invoice
);
create index invoice_draft_by_finalize_time on invoice_draft (organization_id, finalize_time) where not refused;
select protect_tenant_table('invoice_draft', 'select, insert, update, delete');
