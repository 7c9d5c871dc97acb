import type { Codec } from "./codec.js";

/** zstddec, which unpacks to no more bytes than it is told. */
export async function zstd(): Promise<Codec> {
  const { ZSTDDecoder } = await import("zstddec");
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return (packed, out) => {
    let page: Uint8Array;
    try {
      page = decoder.decode(packed, out.length);
    } catch (error) {
      return `a damaged stream (${String(error)})`;
    }
    // Of a stream that is damaged or holds more it gives nothing.
    if (page.length !== out.length) return page.length === 0 ? "a damaged stream, or more" : `${page.length}`;
    out.set(page);
    return null;
  };
}
