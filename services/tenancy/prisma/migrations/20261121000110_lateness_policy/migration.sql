-- What becomes of late usage. Settings recorded before knew ADJUST alone.
alter table settings_version add column lateness_policy text not null default 'ADJUST' check (lateness_policy in ('ADJUST', 'HOLD', 'CARRY_FORWARD'));
alter table settings_version alter column lateness_policy drop default;
