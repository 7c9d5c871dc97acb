import { BadPacking } from "./bad-packing.js";

/** What browsers say of bytes behind the first member, each in words of its own; one that is not known is damage. */
const BEHIND = /junk|trailing|extra|additional/i;

/** Unpack gzip by the host's DecompressionStream; browsers take one member, and refuse what stands behind it. @throws BadPacking */
export async function* gunzip(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const { readable, writable } = new DecompressionStream("gzip");
  const reader = readable.getReader();
  const writer = writable.getWriter();
  /** What kept the packed bytes from coming, which is no fault of theirs. */
  let unread: { readonly error: unknown } | undefined;
  const feed = async (): Promise<void> => {
    const source = packed[Symbol.asyncIterator]();
    try {
      for (;;) {
        let next: IteratorResult<Uint8Array, unknown>;
        try {
          next = await source.next();
        } catch (error) {
          unread = { error };
          await writer.abort(error);
          return;
        }
        if (next.done === true) {
          await writer.close();
          return;
        }
        await writer.write(next.value as Uint8Array<ArrayBuffer>);
      }
    } finally {
      await source.return?.();
    }
  };
  // What the stream has against its input comes out of the reader, too.
  const feeding = feed().catch(() => undefined);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    if (unread !== undefined) throw unread.error;
    const message = error instanceof Error ? error.message : String(error);
    if (BEHIND.test(message))
      throw new BadPacking("packed by gzip in several members, and browsers unpack one: unpack it first", true, {
        cause: error,
      });
    throw new BadPacking(message, false, { cause: error });
  } finally {
    await reader.cancel().catch(() => undefined);
    await feeding;
  }
}
