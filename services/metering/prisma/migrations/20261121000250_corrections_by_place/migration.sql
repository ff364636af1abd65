-- Voids and releases where their events lie: reading a part of time asks whether there is any in it, and looks at single events only if so. Few events have one, so these
-- are small and keep what was not corrected as fast to read as if nothing could be.
create index usage_void_by_place on usage_void (organization_id, meter_code, customer_reference, event_time);
create index usage_release_by_place on usage_release (organization_id, meter_code, customer_reference, event_time);
