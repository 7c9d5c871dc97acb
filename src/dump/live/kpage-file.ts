import { closeSync, openSync, readSync } from "node:fs";
import { VmemmapError } from "../../errors.js";
import { PAGES_PER_SECTION } from "../../sections.js";

const WORD = 8;

/** A file of a u64 for each PFN (fs/proc/page.c), read a section at a time. */
export class KpageFile {
  readonly #fd: number;
  readonly #bytes = new Uint8Array(PAGES_PER_SECTION * WORD);
  readonly words = new Uint32Array(this.#bytes.buffer);

  constructor(private readonly path: string) {
    this.#fd = read(path, () => openSync(path, "r"));
  }

  /** Pages behind the last that the kernel tells of read as 0. */
  readSection(number: number): Uint32Array {
    let filled = 0;
    while (filled < this.#bytes.length) {
      const at = number * this.#bytes.length + filled;
      const got = read(this.path, () => readSync(this.#fd, this.#bytes, filled, this.#bytes.length - filled, at));
      if (got === 0) break;
      filled += got;
    }
    this.#bytes.fill(0, filled);
    return this.words;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** What the host answers, or its refusal as a sentence. @throws VmemmapError "unreadable" */
export function read<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const hint =
      code === "EACCES" || code === "EPERM"
        ? "only root may read it"
        : code === "ENOENT"
          ? "this kernel does not have it (CONFIG_PROC_PAGE_MONITOR), or this is no Linux"
          : message;
    throw new VmemmapError("unreadable", `live: ${path}: ${hint}`, { cause });
  }
}
