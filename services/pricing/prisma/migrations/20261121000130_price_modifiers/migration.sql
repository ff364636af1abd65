-- What a version does to a quantity before its model and to an amount after it, and which version rates a period within
-- which another one takes over. Every price and version that is there before has neither, and is billed as it was.

alter table price
  add column version_resolution text not null default 'PERIOD_START' check (version_resolution in ('PERIOD_START', 'SPLIT'));

alter table price_version
  add column modifiers jsonb; -- null: none; decimals as canonical text, never as JSON numbers
