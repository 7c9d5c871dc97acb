import { describe, expect, it } from "vitest";
import { builds, compound, families, machine, peek, poke, refused } from "./machine.js";

describe.each(builds)("_refcount (%s build)", (build) => {
  const single = (count: number) => {
    const map = machine("7.3", 1, { build });
    poke(map, 77, 52, 4, count);
    return { map, folio: map.folio(77) };
  };

  it("folio_get adds one", () => {
    const { map, folio } = single(1);
    folio.get();
    expect([folio.refcount, peek(map, 77, 52, 4)]).toEqual([2, 2n]);
    expect(peek(map, 77, 48, 4)).toBe(0xffffffffn);
  });

  it.each([0, -1, -2, -126, -127])(
    "folio_get of a count of %i is refused (folio_ref_zero_or_close_to_overflow)",
    (count) => {
      const { map, folio } = single(count);
      refused(map, "refcount", [count], () => folio.get());
    },
  );

  it.each([-128, -129, 1, 0x7ffffffe])("folio_get of a count of %i is a plain increment", (count) => {
    const { folio } = single(count);
    folio.get();
    expect(folio.refcount).toBe(count + 1);
  });

  it("try_get of a count of 0 is false and writes nothing (folio_ref_try_add)", () => {
    const { map, folio } = single(0);
    const before = map.slotBytes().slice();
    expect([folio.tryGet(), folio.tryGet(5)]).toEqual([false, false]);
    expect(Buffer.compare(before, map.slotBytes())).toBe(0);
  });

  it("try_get of a negative count is allowed, and adds all it was asked for (folio_ref_try_add)", () => {
    const { folio } = single(-5);
    expect([folio.tryGet(), folio.refcount, folio.tryGet(3), folio.refcount]).toEqual([true, -4, true, -1]);
  });

  it("try_get_page: false for 0 and below, else a reference of the head (try_get_page)", () => {
    const map = machine("7.3", 1, { build });
    const folio = compound(map, 64, 2);
    for (const count of [0, -1, -100]) {
      poke(map, 64, 52, 4, count);
      expect([map.tryGetPage(66), folio.refcount]).toEqual([false, count]);
    }
    folio.setRefcount(1);
    expect([map.tryGetPage(66), folio.refcount, map.pageRefCount(66), map.pageCount(66)]).toEqual([true, 2, 0, 2]);
  });

  it("put to zero answers true, above it false (folio_put_testzero)", () => {
    const { folio } = single(3);
    expect([folio.put(), folio.put(2), folio.refcount]).toEqual([false, true, 0]);
  });

  it.each([
    [0, 1],
    [1, 2],
    [3, 4],
  ])("put below zero is refused: %i less %i", (count, less) => {
    const { map, folio } = single(count);
    refused(map, "refcount", [count], () => folio.put(less));
  });

  it("freeze takes an exact match alone, to 0 (folio_ref_freeze)", () => {
    const { folio } = single(3);
    expect([folio.freeze(2), folio.freeze(4), folio.refcount]).toEqual([false, false, 3]);
    expect([folio.freeze(3), folio.refcount, folio.tryGet(), folio.freeze(3)]).toEqual([true, 0, false, false]);
  });

  it("unfreeze starts from 0 alone (folio_ref_unfreeze)", () => {
    const { map, folio } = single(3);
    refused(map, "refcount", [3], () => folio.unfreeze(2));
    folio.freeze(3);
    folio.unfreeze(2);
    expect(folio.refcount).toBe(2);
    refused(map, "refcount", [2], () => folio.unfreeze(2));
  });

  it("ref_add_unless adds but for that count (page_ref_add_unless)", () => {
    const { folio } = single(0);
    expect([folio.refAddUnless(1, 0), folio.refcount]).toEqual([false, 0]);
    expect([folio.refAddUnless(2, 1), folio.refcount]).toEqual([true, 2]);
    expect([folio.refAddUnless(1, 2), folio.refAddUnless(3, 7), folio.refcount]).toEqual([false, true, 5]);
  });

  it.each(families)("a folio's count is its head's, a tail's own is 0 (page_count, page_ref_count, %s)", (preset) => {
    const map = machine(preset, 1, { build });
    const folio = compound(map, 64, 3);
    folio.setRefcount(9);
    expect([map.pageCount(70), map.pageRefCount(70), map.pageRefCount(64), map.folio(70).refcount]).toEqual([
      9, 0, 9, 9,
    ]);
    expect(peek(map, 64, 52, 4)).toBe(9n);
  });

  it.each([NaN, 1.5, 2 ** 31, -(2 ** 31) - 1, 2 ** 32 + 1, Infinity])(
    "a count of %d, no i32, is refused (bad-argument)",
    (count) => {
      const { map, folio } = single(1);
      refused(map, "bad-argument", [count], () => folio.setRefcount(count));
      refused(map, "bad-argument", [count], () => folio.freeze(count));
      refused(map, "bad-argument", [count], () => folio.refAddUnless(count, 7));
      refused(map, "bad-argument", [count], () => folio.refAddUnless(1, count));
      folio.freeze(1);
      refused(map, "bad-argument", [count], () => folio.unfreeze(count));
    },
  );

  it.each([NaN, 1.5, 0, -1, 2 ** 31, 2 ** 32 + 1])("%d references are none to take or drop (bad-argument)", (count) => {
    const { map, folio } = single(1);
    refused(map, "bad-argument", [count], () => folio.tryGet(count));
    refused(map, "bad-argument", [count], () => folio.put(count));
  });

  it("a reference count can go over every bit and back", () => {
    const { folio } = single(1);
    folio.setRefcount(-(2 ** 31));
    expect(folio.refcount).toBe(-2147483648);
    folio.setRefcount(2 ** 31 - 1);
    expect(folio.refcount).toBe(2147483647);
  });
});
