-- Verification looks for keys whose event is gone, by where the event lay. A B-tree for that would cost every insert as much as the primary key does. Keys are stored
-- about in the order of event times, so a block range index finds the few blocks of a part of time and costs an insert next to nothing; late events, which lie among
-- other times, are why it keeps several intervals a range.
create index usage_key_by_time on usage_key using brin (organization_id, event_time int8_minmax_multi_ops) with (autosummarize = on);
