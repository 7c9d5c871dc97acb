/** What surrounds a command: where it writes, and whether it shall stop. */
import type { Output } from "./output.js";

export interface Host {
  /** Data. */
  readonly stdout: Output;
  /** All the rest. */
  readonly stderr: Output;
  /** Aborted by Ctrl-C, with an {@link Interrupted} as its reason. */
  readonly signal: AbortSignal;
  /** PFNs of a window. Where it is given, all maps are read by windows, whether they fit one memory or not. */
  readonly pagesPerWindow?: number;
}

/** Why a run ends early. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";

  constructor(
    /** 128 and the signal's number, as shells have it. */
    readonly exitCode: number,
  ) {
    super("interrupted");
  }
}
