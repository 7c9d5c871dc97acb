import { VmemmapError } from "../errors.js";
import { PAGES_PER_SECTION, SECTION_BYTES } from "../sections.js";
import { constant } from "./modules.js";

const WASM_PAGE = 65536;
const MAX_WASM_PAGES = 65536;
/** Entries the table always has: sections of 46 physical bits. Pages of it that nobody touches cost nothing. */
const MIN_TABLE_ENTRIES = 1 << (46 - 27);

/** Where things stand in linear memory, in bytes. */
export interface MemoryPlan {
  readonly tableEntries: number;
  /** Start and length of the room for the user's lists. */
  readonly lists: number;
  readonly listBytes: number;
  readonly slots: number;
  readonly wasmPages: number;
}

/** Plan a memory for `sections` sections of slots, the highest numbered `lastSection`, and `listCapacity` u32 entries. */
export function planMemory(sections: number, lastSection: number, listCapacity: number): MemoryPlan {
  const tableEntries = Math.max(MIN_TABLE_ENTRIES, lastSection + 1);
  const lists = constant("SECTION_TABLE") + tableEntries * 4;
  const listBytes = listCapacity * 4;
  const slots = Math.ceil((lists + listBytes) / WASM_PAGE) * WASM_PAGE;
  const wasmPages = (slots + sections * SECTION_BYTES) / WASM_PAGE;
  if (wasmPages > MAX_WASM_PAGES) {
    const most = Math.floor((MAX_WASM_PAGES * WASM_PAGE - slots) / SECTION_BYTES) * PAGES_PER_SECTION;
    throw new VmemmapError(
      "out-of-memory",
      `${sections * PAGES_PER_SECTION} slots do not fit: one 4 GiB WebAssembly memory holds ${Math.max(most, 0)} beside ${listCapacity} list entries`,
    );
  }
  return { tableEntries, lists, listBytes, slots, wasmPages };
}

/** A memory of the planned size. */
export function makeMemory(plan: MemoryPlan): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: plan.wasmPages, maximum: plan.wasmPages });
  } catch (cause) {
    const gib = ((plan.wasmPages * WASM_PAGE) / 2 ** 30).toFixed(2);
    throw new VmemmapError("out-of-memory", `this host gives no WebAssembly memory of ${gib} GiB`, { cause });
  }
}
