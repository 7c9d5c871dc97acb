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
