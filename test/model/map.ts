import type { Profile } from "../../src/profile/profile.js";
import { Refusal } from "./refusal.js";

/** sizeof(struct page). */
export const SLOT_SIZE = 64;

interface Range {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/**
 * Slots by PFN, nothing else: no index, no cache, no mark. All words are little-endian.
 *
 * The offset of a getter or setter may pass 63: it then names a field of the following pages, as the offsets of a
 * profile's folio fields do.
 */
export class ModelMap {
  readonly #ranges: Range[] = [];

  constructor(
    readonly profile: Profile,
    readonly vmemmapBase: bigint,
  ) {}

  /** Makes the slots of PFNs [startPfn, endPfn), all zero. */
  addRange(startPfn: number, endPfn: number): void {
    if (endPfn <= startPfn) throw new Refusal("bad-range", `empty range ${startPfn}..${endPfn}`);
    if (this.#ranges.some((range) => startPfn < range.end && range.start < endPfn)) {
      throw new Refusal("bad-range", `range ${startPfn}..${endPfn} overlaps another`);
    }
    const bytes = new Uint8Array((endPfn - startPfn) * SLOT_SIZE);
    this.#ranges.push({ start: startPfn, end: endPfn, bytes, view: new DataView(bytes.buffer) });
  }

  has(pfn: number): boolean {
    return Number.isInteger(pfn) && this.#ranges.some((range) => range.start <= pfn && pfn < range.end);
  }

  /** The 64 bytes of a slot, live. */
  bytes(pfn: number): Uint8Array {
    const range = this.#rangeOf(pfn);
    const at = (pfn - range.start) * SLOT_SIZE;
    return range.bytes.subarray(at, at + SLOT_SIZE);
  }

  /** Where the kernel sees the slot (pfn_to_page). */
  addressOf(pfn: number): bigint {
    return BigInt.asUintN(64, this.vmemmapBase + BigInt(pfn) * BigInt(SLOT_SIZE));
  }

  /** page_to_pfn; null for an address at which no slot can start. The slot may be absent. */
  pfnAt(address: bigint): number | null {
    const offset = BigInt.asUintN(64, address - this.vmemmapBase);
    return offset % BigInt(SLOT_SIZE) === 0n ? Number(offset / BigInt(SLOT_SIZE)) : null;
  }

  u8(pfn: number, offset: number): number {
    const { view, at } = this.#locate(pfn, offset);
    return view.getUint8(at);
  }

  setU8(pfn: number, offset: number, value: number): void {
    const { view, at } = this.#locate(pfn, offset);
    view.setUint8(at, value);
  }

  u32(pfn: number, offset: number): number {
    const { view, at } = this.#locate(pfn, offset);
    return view.getUint32(at, true);
  }

  setU32(pfn: number, offset: number, value: number): void {
    const { view, at } = this.#locate(pfn, offset);
    view.setUint32(at, value, true);
  }

  i32(pfn: number, offset: number): number {
    const { view, at } = this.#locate(pfn, offset);
    return view.getInt32(at, true);
  }

  /** Wraps as 32-bit arithmetic does. */
  setI32(pfn: number, offset: number, value: number): void {
    const { view, at } = this.#locate(pfn, offset);
    view.setInt32(at, value, true);
  }

  u64(pfn: number, offset: number): bigint {
    const { view, at } = this.#locate(pfn, offset);
    return view.getBigUint64(at, true);
  }

  /** Wraps as 64-bit arithmetic does. */
  setU64(pfn: number, offset: number, value: bigint): void {
    const { view, at } = this.#locate(pfn, offset);
    view.setBigUint64(at, value, true);
  }

  #locate(pfn: number, offset: number): { view: DataView; at: number } {
    const page = pfn + Math.floor(offset / SLOT_SIZE);
    const range = this.#rangeOf(page);
    return { view: range.view, at: (page - range.start) * SLOT_SIZE + (offset % SLOT_SIZE) };
  }

  #rangeOf(pfn: number): Range {
    const found = this.#ranges.find((range) => range.start <= pfn && pfn < range.end);
    if (found === undefined) throw new Refusal("pfn-absent", `PFN ${pfn} has no slot`);
    return found;
  }
}
