import { checkKeys, whole } from "../check.js";
import { VmemmapError } from "../errors.js";
import { compressionNames } from "./codecs/index.js";
import type { RandomAccessFile } from "./file.js";
import type { KdumpHeader } from "./kdump/header.js";
import { joinParts } from "./kdump/join-parts.js";
import { KdumpMemory } from "./kdump/kdump-memory.js";
import { KdumpPart } from "./kdump/part.js";
import type { Dump } from "./memory.js";
import { notesIn, textOf } from "./notes.js";
import { readStructure } from "./structure.js";
import { LazyPool } from "./unpack/lazy-pool.js";

export interface KdumpOptions {
  /** Stops what is under way, which throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Worker threads that unpack pages when many are read; 1: none. @default one for each of the host's, 8 at most */
  readonly threads?: number;
  /** Called with who unpacks when that changes: `"2 threads"`, or `"this thread (REASON)"` where threads can't. Before, it is this thread. */
  readonly onUnpackedBy?: (who: string) => void;
}

const MAX_THREADS = 64;

/**
 * Open a kdump-compressed dump, as makedumpfile and QEMU write it.
 *
 * @param files the dump, or all parts of a split one in any order; `close` closes them
 * @throws VmemmapError "bad-dump", "unsupported-dump", "unreadable"
 */
export async function openKdump(files: readonly RandomAccessFile[], options: KdumpOptions = {}): Promise<Dump> {
  checkKeys(options, ["signal", "threads", "onUnpackedBy"], "options of openKdump");
  const { signal, threads, onUnpackedBy } = options;
  if (threads !== undefined) whole(threads, 1, MAX_THREADS, "threads");
  if (files.length === 0) throw new VmemmapError("bad-argument", "no files: expected a dump, or the parts of one");
  const opened: KdumpPart[] = [];
  for (const file of files) opened.push(await KdumpPart.open(file, signal));
  const parts = joinParts(opened);
  const vmcoreinfo = await readVmcoreinfo(parts);
  const pool = new LazyPool(threads, onUnpackedBy);
  const memory = new KdumpMemory(parts, pool, signal);
  return {
    format: "kdump",
    memory,
    vmcoreinfo,
    details: detailsOf(parts),
    close: () => memory.close(),
  };
}

/** The first part's VMCOREINFO, by itself or among its notes; others have the same if any. */
async function readVmcoreinfo(parts: readonly KdumpPart[]): Promise<string | null> {
  for (const { file, header } of parts) {
    if (header.vmcoreinfo !== null) {
      const { offset, size } = header.vmcoreinfo;
      const { buffer } = await readStructure(file, offset, size, "VMCOREINFO");
      return textOf(new Uint8Array(buffer));
    }
    if (header.notes === null) continue;
    const { offset, size } = header.notes;
    const notes = await readStructure(file, offset, size, "notes");
    for (const { owner, description } of notesIn(file, notes, offset, 4))
      if (owner === "VMCOREINFO") return textOf(description);
  }
  return null;
}

function detailsOf(parts: readonly KdumpPart[]): Dump["details"] {
  const { header } = parts[0]!;
  const sum = (of: (part: KdumpPart) => number) => parts.reduce((all, part) => all + of(part), 0);
  const any = (of: (header: KdumpHeader) => boolean) => parts.some((part) => of(part.header));
  const here = sum(({ count }) => count);
  const filtered = sum(({ ram, pages }) => ram.count + pages.count - ram.countBoth(pages)) - here;
  return {
    headerVersion: header.version,
    release: header.release,
    machine: header.machine,
    timestamp: header.timestamp,
    compression: compressionNames(parts.reduce((bits, part) => bits | part.header.status, 0)).join(", ") || "raw",
    dumpLevel: header.dumpLevel,
    files: parts.length,
    incomplete: any(({ incomplete }) => incomplete),
    vmemmapExcluded: any(({ vmemmapExcluded }) => vmemmapExcluded),
    cpus: header.cpus,
    physBase: header.physBase,
    writtenBlocks: sum((part) => part.header.writtenBlocks),
    framesHere: here,
    framesFiltered: filtered,
    framesAbsent: header.endFrame - here - filtered,
  };
}
