/** What pages are used for. */
import { VmemmapError } from "../errors.js";
import { PAGE_KINDS } from "../kinds.js";
import type { PageBlock } from "./block.js";

export const KIND_NAMES: readonly string[] = PAGE_KINDS;

/** Places in {@link KIND_NAMES}, for each page of a block. */
export function kindsOf(block: PageBlock): Uint8Array {
  throw new VmemmapError("bad-argument", `the column kind of PFN ${block.pages.start} is not there yet`);
}
