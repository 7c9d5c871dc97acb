const MAGIC = 0xfd2fb528;
/** Longest frame header: magic, descriptor, window, dictionary, content size. */
export const ZSTD_HEADER_BYTES = 18;

/** What a zstd frame says before its first block (RFC 8878, 3.1.1.1). */
export interface ZstdFrame {
  /** Bytes that a decoder has to keep. */
  readonly windowSize: number;
  /** Bytes unpacked, null if the frame does not say. */
  readonly contentSize: number | null;
}

/** The frame that begins with these bytes; null if they are of another kind of frame, or too few. */
export function zstdFrame(bytes: Uint8Array): ZstdFrame | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.byteLength < 5 || view.getUint32(0, true) !== MAGIC) return null;
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const windowBytes = singleSegment ? 0 : 1;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  const sizeAt = 5 + windowBytes + dictionaryBytes;
  if (view.byteLength < sizeAt + sizeBytes) return null;
  const contentSize =
    sizeBytes === 0 ? null : littleEndian(bytes.subarray(sizeAt, sizeAt + sizeBytes)) + (sizeBytes === 2 ? 256 : 0);
  const windowSize = singleSegment ? contentSize! : windowOf(view.getUint8(5));
  return { windowSize, contentSize };
}

/** Window_Descriptor: an exponent of 5 bits, from 2^10 on, and eighths to add. */
function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function littleEndian(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}
