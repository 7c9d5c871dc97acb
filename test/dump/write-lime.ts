/** Dumps as the LiME module writes them. */
import { concat, u32, u64 } from "./bytes.js";

export interface LimeRange {
  readonly address: number | bigint;
  readonly bytes: Uint8Array;
  /** Last address, as the header says. @default that of the last byte */
  readonly last?: number | bigint;
}

export function writeLime(ranges: readonly LimeRange[]): Uint8Array<ArrayBuffer> {
  return concat(
    ...ranges.flatMap(({ address, bytes, last }) => [
      u32(0x4c694d45),
      u32(1),
      u64(address),
      u64(last ?? BigInt(address) + BigInt(bytes.length) - 1n),
      u64(0),
      bytes,
    ]),
  );
}
