-- A number's own digest: it stands beside the canonical form, which holds no number, and ties the two together. Two numbers that changed places leave no gap, but
-- digests that say so. Numbers given before get theirs here, past the guards that keep finalizations as they are.
alter table invoice_finalization
  add column digest text, -- hex SHA-256 of the RFC 8785 text {"canonical_invoice":"<digest of the run>","number":"<number>"}
  no force row level security, disable trigger user;
alter table invoice no force row level security;
alter table billing_run no force row level security;

update invoice_finalization
set digest = encode(sha256(convert_to('{"canonical_invoice":"' || run.digest || '","number":"' || invoice_finalization.number || '"}', 'UTF8')), 'hex')
from invoice join billing_run run using (organization_id, subscription_reference, run_index)
where (invoice.organization_id, invoice.invoice_id) = (invoice_finalization.organization_id, invoice_finalization.invoice_id);

alter table billing_run force row level security;
alter table invoice force row level security;
alter table invoice_finalization alter column digest set not null, enable trigger user, force row level security;
