// Lists of PFNs for a map of several memories, its shards: each PFN goes to its shard's bucket, and the answers come back
// to the places of the PFNs. This works over a memory of its own, which the host plans: none of the map's state is read.
//
// A table tells the shard of each 2^22 pages, the most that a folio has, so that none is cut. An entry is a u16, eight times the
// number of the shard, or 0 for pages of no shard: what is absent has the first bucket. A route leaves a trail, the entry of each
// PFN: along it the answers are picked up again.
//
// A bucket has two cursors, u32 each, that start from its middle: one goes down for the list's first half, from its end, the other up
// for the second half. So two chains of cursors that wait for each other's last store are under way, and a bucket is in the list's order.

/** log2 of the pages that have one entry in the table of shards: those of the largest folio. */
export const SHARD_UNIT_SHIFT: u32 = 22;
/** Doubles below are PFNs; the table has an entry for each unit up to there. */
const PFN_LIMIT: f64 = 1099511627776.0;
const NO_SHARD: u32 = 0;

// @ts-ignore: top level decorators are AssemblyScript
@inline
function shard_of_unit(table: u32, unit: u32): u32 {
  return load<u16>(table + (unit << 1));
}

/** The entry of a list's PFN, of 32 bits or a double. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function shard_of<T>(table: u32, at: u32): u32 {
  if (sizeof<T>() == sizeof<u32>()) return shard_of_unit(table, load<u32>(at) >> SHARD_UNIT_SHIFT);
  const number = load<f64>(at);
  if (!(number >= 0 && number < PFN_LIMIT)) return NO_SHARD;
  const pfn = <u64>number;
  return <f64>pfn == number ? shard_of_unit(table, <u32>(pfn >> SHARD_UNIT_SHIFT)) : NO_SHARD;
}

/** Where the cursor that goes up stands behind the one that goes down. */
const UP: u32 = sizeof<u32>();

/** Move a cursor by an element; where that is. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function next_down<T>(cursor: u32): u32 {
  const at = load<u32>(cursor) - sizeof<T>();
  store<u32>(cursor, at);
  return at;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function next_up<T>(cursor: u32): u32 {
  const at = load<u32>(cursor, UP);
  store<u32>(cursor, at + sizeof<T>(), UP);
  return at;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function route_down<T>(from: u32, table: u32, cursors: u32, trail: u32): void {
  const shard = shard_of<T>(table, from);
  store<u16>(trail, shard);
  store<T>(next_down<T>(cursors + shard), load<T>(from));
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function route_up<T>(from: u32, table: u32, cursors: u32, trail: u32): void {
  const shard = shard_of<T>(table, from);
  store<u16>(trail, shard);
  store<T>(next_up<T>(cursors + shard), load<T>(from));
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function route<T>(src: u32, nr: u32, table: u32, cursors: u32, trail: u32): void {
  let up = nr >> 1;
  for (let down = up; down != 0; up++) {
    down--;
    route_down<T>(src + down * sizeof<T>(), table, cursors, trail + (down << 1));
    route_up<T>(src + up * sizeof<T>(), table, cursors, trail + (up << 1));
  }
  if (up < nr) route_up<T>(src + up * sizeof<T>(), table, cursors, trail + (up << 1));
}

/** Put each PFN below 2^32 of a list into the bucket of its shard. */
export function route_pfns(src: u32, nr: u32, table: u32, cursors: u32, trail: u32): void {
  route<u32>(src, nr, table, cursors, trail);
}

/** The same for PFNs as doubles, where what is no whole number is no PFN. */
export function route_f64(src: u32, nr: u32, table: u32, cursors: u32, trail: u32): void {
  route<f64>(src, nr, table, cursors, trail);
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function leading<T>(src: u32, nr: u32, table: u32): u32 {
  if (nr == 0) return 0;
  const first = shard_of<T>(table, src);
  let at: u32 = 1;
  while (at < nr && shard_of<T>(table, src + at * sizeof<T>()) == first) at++;
  return at;
}

/** How many PFNs below 2^32 from the first of a list on are of its shard. */
export function leading_pfns_of_shard(src: u32, nr: u32, table: u32): u32 {
  return leading<u32>(src, nr, table);
}

/** The same for PFNs as doubles. */
export function leading_f64_of_shard(src: u32, nr: u32, table: u32): u32 {
  return leading<f64>(src, nr, table);
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function gather<T>(dst: u32, nr: u32, cursors: u32, trail: u32): void {
  let up = nr >> 1;
  for (let down = up; down != 0; up++) {
    down--;
    const below = next_down<T>(cursors + load<u16>(trail + (down << 1)));
    const above = next_up<T>(cursors + load<u16>(trail + (up << 1)));
    store<T>(dst + down * sizeof<T>(), load<T>(below));
    store<T>(dst + up * sizeof<T>(), load<T>(above));
  }
  if (up < nr) store<T>(dst + up * sizeof<T>(), load<T>(next_up<T>(cursors + load<u16>(trail + (up << 1)))));
}

/** Answers of 32 bits from their buckets, in the order of the list that was routed. */
export function gather_u32(dst: u32, nr: u32, cursors: u32, trail: u32): void {
  gather<u32>(dst, nr, cursors, trail);
}

/** The same for answers of 64 bits. */
export function gather_u64(dst: u32, nr: u32, cursors: u32, trail: u32): void {
  gather<u64>(dst, nr, cursors, trail);
}
