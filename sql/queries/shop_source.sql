-- name: fill_shop!
-- Says where the rows of an empty shop come from; waits for another who is saying it.
insert into ops.shop (source)
values (:source)
on conflict do nothing;

-- name: turn_into_files!
-- Makes a generated shop one of files; waits for whoever is generating into it.
update ops.shop
set source = 'files'
where source <> 'files';

-- name: held_source$
-- Where the shop's rows come from, and stays so until the transaction ends.
select shop.source
from ops.shop
for share;

-- name: shop_source$
-- Where the shop's rows come from; nothing while it is empty.
select shop.source
from ops.shop;
