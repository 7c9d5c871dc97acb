/** How far the loading of a dump is. */

/** What is being done, in this order. */
export type LoadStage = "open" | "unpack" | "vmcoreinfo" | "page tables" | "slots" | "check";

export interface LoadProgress {
  readonly stage: LoadStage;
  /** In steps of the stage's own: sections of "slots", frames of "vmcoreinfo" where memory is searched for it. */
  readonly done: number;
  readonly total: number;
}

/** Tells of a stage, and stops the work where its signal says so. */
export type TellStage = (stage: LoadStage, done: number, total: number) => void;

export function tellerOf(signal?: AbortSignal, onProgress?: (progress: LoadProgress) => void): TellStage {
  return (stage, done, total) => {
    signal?.throwIfAborted();
    onProgress?.({ stage, done, total });
  };
}
