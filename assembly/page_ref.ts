// Every read-modify-write of counts and flags (include/linux/page_ref.h, include/linux/page-flags.h), in one file:
// a build for shared memory makes these atomic and touches nothing else.

import { page } from "./page";

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function set_flags(p: u32, mask: u64): void {
  changetype<page>(p).flags |= mask;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function clear_flags(p: u32, mask: u64): void {
  changetype<page>(p).flags &= ~mask;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function assign_flags(p: u32, clear: u64, set: u64): void {
  changetype<page>(p).flags = (changetype<page>(p).flags & ~clear) | set;
}

/** The order's byte is the lowest of page 1's flags word from 6.6 on; alone in its word before. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function set_order_byte(address: u32, order: u32): void {
  store<u8>(address, <u8>order);
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function ref_count(p: u32): i32 {
  return changetype<page>(p)._refcount;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function ref_set(p: u32, count: i32): void {
  changetype<page>(p)._refcount = count;
}

/** Add and answer the new count. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function ref_add(p: u32, nr: i32): i32 {
  const count = changetype<page>(p)._refcount + nr;
  changetype<page>(p)._refcount = count;
  return count;
}

/** page_ref_add_unless: add unless the count is `unless`; whether it was added. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function ref_add_unless(p: u32, nr: i32, unless: i32): bool {
  const count = changetype<page>(p)._refcount;
  if (count == unless) return false;
  changetype<page>(p)._refcount = count + nr;
  return true;
}

/** page_ref_freeze: take the count to 0 if it is exactly `count`. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function ref_freeze(p: u32, count: i32): bool {
  if (changetype<page>(p)._refcount != count) return false;
  changetype<page>(p)._refcount = 0;
  return true;
}
