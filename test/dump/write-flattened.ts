/** makedumpfile's flattened form. */
import { concat, u64 } from "./bytes.js";

export interface FlatRecord {
  readonly offset: number | bigint;
  readonly bytes: Uint8Array;
  /** buf_size. @default the bytes' length */
  readonly size?: number | bigint;
}

export interface FlatShape {
  /** Whether the record that ends the stream is there. @default true */
  readonly end?: boolean;
  readonly type?: number;
  readonly version?: number;
}

export function writeFlattened(records: readonly FlatRecord[], shape: FlatShape = {}): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(4096);
  header.set(new TextEncoder().encode("makedumpfile"));
  header.set(u64(shape.type ?? 1, false), 16);
  header.set(u64(shape.version ?? 1, false), 24);
  return concat(
    header,
    ...records.flatMap(({ offset, bytes, size }) => [u64(offset, false), u64(size ?? bytes.length, false), bytes]),
    ...(shape.end === false ? [] : [u64(-1, false), u64(-1, false)]),
  );
}

/** A file flattened in records of some length. */
export function flatten(file: Uint8Array, recordBytes: number): Uint8Array<ArrayBuffer> {
  const records: FlatRecord[] = [];
  for (let offset = 0; offset < file.length; offset += recordBytes)
    records.push({ offset, bytes: file.subarray(offset, offset + recordBytes) });
  return writeFlattened(records);
}
