import { isNode } from "../host.js";

/** Where a bundler does not follow. */
const NODE_ZLIB = "node:zlib";

/** A stream of the host that turns bytes into bytes: CompressionStream or DecompressionStream. */
interface ByteTransform {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array<ArrayBuffer>>;
}

/** Starts pushing `bytes` through. The writer's own errors come out of the reader too, so they are dropped here. */
function through(transform: ByteTransform, bytes: Uint8Array<ArrayBuffer>): ReadableStreamDefaultReader<Uint8Array> {
  const writer = transform.writable.getWriter();
  writer.write(bytes).catch(() => {});
  writer.close().catch(() => {});
  return transform.readable.getReader();
}

/** `bytes` as a zlib stream. */
export async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const reader = through(new CompressionStream("deflate"), bytes);
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    length += value.length;
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * The `length` bytes a zlib stream holds, or null if it holds fewer, more, or is no zlib stream. It never unpacks much
 * further than `length`, however small a bomb is packed.
 */
export async function inflateExactly(
  packed: Uint8Array<ArrayBuffer>,
  length: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  return isNode() ? inflateByNode(packed, length) : inflateByStream(packed, length);
}

/** At once, on a thread of Node's: its streams give 16 KiB at a time. */
async function inflateByNode(packed: Uint8Array, length: number): Promise<Uint8Array<ArrayBuffer> | null> {
  const { inflate } = (await import(/* @vite-ignore */ NODE_ZLIB)) as typeof import("node:zlib");
  // A chunk that holds all and a little more is the only one that is made. The engine tells what it read of the bytes.
  const options = { maxOutputLength: Math.max(length, 1), chunkSize: length + 64, info: true };
  return new Promise((resolve) => {
    inflate(packed, options, (error, result) => {
      const { buffer, engine } = (error === null ? result : {}) as Partial<InflateInfo>;
      resolve(buffer?.length === length && engine?.bytesWritten === packed.length ? buffer : null);
    });
  });
}

/** What Node answers with the option `info`. */
interface InflateInfo {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly engine: { readonly bytesWritten: number };
}

async function inflateByStream(
  packed: Uint8Array<ArrayBuffer>,
  length: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const reader = through(new DecompressionStream("deflate"), packed);
  const bytes = new Uint8Array(length);
  let at = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return at === length ? bytes : null;
      if (at + value.length > length) {
        await reader.cancel();
        return null;
      }
      bytes.set(value, at);
      at += value.length;
    }
  } catch {
    return null;
  }
}
