// Every read-modify-write of counts and flags (include/linux/page_ref.h, include/linux/page-flags.h), in one file: in the
// build for shared memory they are atomic, in the others plain.
//
// A change that depends on the count it finds looks at it, then says what it has seen:
//
//     do { count = ref_count(p); … } while (!ref_change(p, count, count + nr));
//
// Without threads nothing comes between, ref_change is a store, and no loop is left.

import { page } from "./page";

const REFCOUNT: u32 = offsetof<page>("_refcount");

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function set_flags(p: u32, mask: u64): void {
  if (ASC_FEATURE_THREADS) atomic.or<u64>(p, mask);
  else changetype<page>(p).flags |= mask;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function clear_flags(p: u32, mask: u64): void {
  if (ASC_FEATURE_THREADS) atomic.and<u64>(p, ~mask);
  else changetype<page>(p).flags &= ~mask;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function assign_flags(p: u32, clear: u64, set: u64): void {
  if (ASC_FEATURE_THREADS) {
    let seen: u64;
    do {
      seen = atomic.load<u64>(p);
    } while (atomic.cmpxchg<u64>(p, seen, (seen & ~clear) | set) != seen);
  } else {
    changetype<page>(p).flags = (changetype<page>(p).flags & ~clear) | set;
  }
}

/** The order's byte is the lowest of page 1's flags word from 6.6 on; alone in its word before. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function set_order_byte(address: u32, order: u32): void {
  if (ASC_FEATURE_THREADS) atomic.store<u8>(address, <u8>order);
  else store<u8>(address, <u8>order);
}

// ---- Any count of 32 bits -------------------------------------------------------------------------------------------

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function count_at(address: u32): i32 {
  return ASC_FEATURE_THREADS ? atomic.load<i32>(address) : load<i32>(address);
}

/** Add and answer the new count. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function count_add(address: u32, nr: i32): i32 {
  if (ASC_FEATURE_THREADS) return atomic.add<i32>(address, nr) + nr;
  const count = load<i32>(address) + nr;
  store<i32>(address, count);
  return count;
}

/** From the count that was seen to another; whether no other thread came between. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function count_change(address: u32, seen: i32, count: i32): bool {
  if (ASC_FEATURE_THREADS) return atomic.cmpxchg<i32>(address, seen, count) == seen;
  store<i32>(address, count);
  return true;
}

// ---- _refcount ------------------------------------------------------------------------------------------------------

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function ref_count(p: u32): i32 {
  return count_at(p + REFCOUNT);
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function ref_set(p: u32, count: i32): void {
  if (ASC_FEATURE_THREADS) atomic.store<i32>(p, count, REFCOUNT);
  else changetype<page>(p)._refcount = count;
}

/** Add and answer the new count. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function ref_add(p: u32, nr: i32): i32 {
  return count_add(p + REFCOUNT, nr);
}

/** From the count that was seen to another; whether no other thread came between. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function ref_change(p: u32, seen: i32, count: i32): bool {
  return count_change(p + REFCOUNT, seen, count);
}

/** page_ref_add_unless: add unless the count is `unless`; whether it was added. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function ref_add_unless(p: u32, nr: i32, unless: i32): bool {
  let count: i32;
  do {
    count = ref_count(p);
    if (count == unless) return false;
  } while (!ref_change(p, count, count + nr));
  return true;
}

/** page_ref_freeze: from exactly `count` to 0, and page_ref_unfreeze: from 0 to `count`; whether it was so. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function ref_exchange(p: u32, from: i32, to: i32): bool {
  return ref_count(p) == from && ref_change(p, from, to);
}
