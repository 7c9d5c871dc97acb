/** zstd frames of raw blocks: packed by no packer, unpacked by any (RFC 8878). */
import { concat, u32, u64 } from "./bytes.js";

const BLOCK_BYTES = 128 << 10;

/** A frame that says its content size in 64 bits and has a window of one block, as `windowLog` or by the default. */
export function storeZstd(content: Uint8Array, windowLog?: number): Uint8Array<ArrayBuffer> {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < content.length; at += BLOCK_BYTES) {
    const block = content.subarray(at, at + BLOCK_BYTES);
    const last = at + BLOCK_BYTES >= content.length ? 1 : 0;
    blocks.push(u32((block.length << 3) | last).subarray(0, 3), block);
  }
  const window = windowLog === undefined ? [] : [(windowLog - 10) << 3];
  const descriptor = 0xc0 | (windowLog === undefined ? 0x20 : 0);
  return concat(u32(0xfd2fb528), Uint8Array.of(descriptor, ...window), u64(content.length), ...blocks);
}
