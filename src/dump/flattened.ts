import { ExtentReader } from "./extent-reader.js";
import { ExtentList, MAX_EXTENTS } from "./extents.js";
import type { RandomAccessFile } from "./file.js";
import { layOut } from "./lay-out.js";
import { badDump, checkWithin, hex, readStructure, readU64, unsupportedDump } from "./structure.js";

/** makedumpfile_header: signature, type and version, padded to this size. */
const HEADER_BYTES = 4096;
export const FLATTENED_SIGNATURE = "makedumpfile\0\0\0\0";
const TYPE = 1;
const VERSION = 1;
/** makedumpfile_data_header: offset and size, big-endian. */
const RECORD_HEADER_BYTES = 16;
/** Numbers are signed: from here on they are negative. The record that ends the stream has -1 twice. */
const NEGATIVE = 2 ** 63;

/** Read behind a small record, to find the headers of the next ones. */
const WINDOW_BYTES = 256 << 10;
/** Below this the next header is nearer than a read of its own is worth; the lower one is for files that answer at once. */
const SMALL_RECORD_BYTES = 64 << 10;
const SMALL_AT_ONCE_BYTES = 4 << 10;
/** Reads between which others have their turn. */
const READS_A_TURN = 1 << 12;

/** A file may be this much larger than its records: it has holes where writers left out zeros. */
const HOLES_FACTOR = 16;
const HOLES_BYTES = 256 * 2 ** 20;

/** What a flattened stream holds, as a file. Where it has no record it reads as zero. */
export interface UnflattenedFile extends RandomAccessFile {
  readonly records: number;
  /** Whether the stream ends without the record that says so: the end of the file is lost. */
  readonly truncated: boolean;
}

/**
 * A stream of makedumpfile's flattened form (`-F`; QEMU writes kdump in it too) as the file that `makedumpfile -R` would make of it.
 * Only an index of its records is kept: 24 bytes for each, of at most {@link MAX_EXTENTS}.
 *
 * @throws VmemmapError "bad-dump"; "unsupported-dump": more records than that; whatever `signal` was aborted with
 */
export async function unflatten(file: RandomAccessFile, signal?: AbortSignal): Promise<UnflattenedFile> {
  const header = await readStructure(file, 0, HEADER_BYTES, "the header of a flattened dump");
  const type = readU64(header, 16, false);
  const version = readU64(header, 24, false);
  if (type !== TYPE || version !== VERSION)
    throw unsupportedDump(
      file,
      `a flattened dump of type ${type}, version ${version}; only type ${TYPE}, version ${VERSION} is read`,
    );
  const { records, count, size, truncated } = await indexRecords(file, signal);
  if (size > HOLES_FACTOR * file.size + HOLES_BYTES)
    throw badDump(
      file,
      HEADER_BYTES,
      `expected records of a file of about ${file.size} bytes, found one up to byte ${size}`,
    );
  const reader = new ExtentReader(file, layOut(records, "last"));
  const unflattened: UnflattenedFile = {
    name: file.name,
    size,
    records: count,
    truncated,
    readInto(out, offset) {
      checkWithin(unflattened, offset, out.length);
      return reader.readInto(out, offset);
    },
    close: () => file.close(),
  };
  return unflattened;
}

interface RecordIndex {
  /** In the stream's order: a later record overrides an earlier one. */
  readonly records: ExtentList;
  count: number;
  /** Bytes of the file that they make up. */
  size: number;
  truncated: boolean;
}

async function indexRecords(file: RandomAccessFile, signal: AbortSignal | undefined): Promise<RecordIndex> {
  const index: RecordIndex = { records: new ExtentList(), count: 0, size: 0, truncated: true };
  const window = new DataView(new ArrayBuffer(WINDOW_BYTES));
  let windowAt = 0;
  let windowBytes = 0;
  let reads = 0;
  let small = SMALL_RECORD_BYTES;
  for (let at = HEADER_BYTES, size = SMALL_RECORD_BYTES; at + RECORD_HEADER_BYTES <= file.size;) {
    if (at + RECORD_HEADER_BYTES > windowAt + windowBytes) {
      if (++reads % READS_A_TURN === 0) await turn();
      signal?.throwIfAborted();
      windowAt = at;
      windowBytes = size < small ? Math.min(WINDOW_BYTES, file.size - at) : RECORD_HEADER_BYTES;
      const reading = file.readInto(new Uint8Array(window.buffer, 0, windowBytes), at);
      if (reading !== undefined) await reading;
      else if (windowBytes === RECORD_HEADER_BYTES) small = SMALL_AT_ONCE_BYTES;
    }
    const offset = readU64(window, at - windowAt, false);
    size = readU64(window, at - windowAt + 8, false);
    if (offset >= NEGATIVE && size >= NEGATIVE) {
      index.truncated = false;
      break;
    }
    addRecord(file, at, offset, size, index);
    at += RECORD_HEADER_BYTES + size;
  }
  return index;
}

function addRecord(file: RandomAccessFile, at: number, offset: number, size: number, index: RecordIndex): void {
  if (offset + size > Number.MAX_SAFE_INTEGER)
    throw badDump(file, at, `expected offset and size of a record, found ${hex(offset)} and ${hex(size)}`);
  const dataAt = at + RECORD_HEADER_BYTES;
  const end = offset + Math.min(size, file.size - dataAt);
  index.records.add(offset, end, dataAt);
  if (end > offset) index.size = Math.max(index.size, end);
  index.count++;
  if (index.records.length > MAX_EXTENTS)
    throw unsupportedDump(
      file,
      `a flattened dump of more than ${MAX_EXTENTS} records; put it together first, by makedumpfile -R`,
    );
}

/** Lets timers and signals have their turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
