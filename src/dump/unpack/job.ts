import type { VmemmapErrorCode } from "../../errors.js";
import type { Damage, PackedPages } from "./packed-pages.js";

/** A batch on its way to a thread: its buffers go along, and are the other side's until they return. */
export interface Job extends PackedPages {
  readonly unpacked: Uint8Array<ArrayBuffer>;
}

/** A batch on its way back. */
export interface Done extends Job {
  readonly damage: Damage | null;
  /** Why nothing could be unpacked; `code` is null where what was thrown is no VmemmapError. */
  readonly threw: { readonly code: VmemmapErrorCode | null; readonly message: string } | null;
}

/** What goes along with a job. */
export function buffersOf({ bytes, pages, unpacked }: Job): ArrayBuffer[] {
  return [bytes.buffer, pages.buffer, unpacked.buffer];
}
