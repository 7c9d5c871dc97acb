import { display } from "../check.js";
import { VmemmapError } from "../errors.js";

/** Where an image comes from: bytes in memory, or any stream of pieces. */
export type ByteSource = Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** Refuses an image: what is wrong at which byte. */
export function badImage(offset: number, message: string, cause?: unknown): VmemmapError {
  return new VmemmapError("bad-image", `image, offset ${offset}: ${message}`, { cause });
}

/** Reads a source front to back in pieces of the reader's own choice, and knows the offset. */
export class SourceReader {
  /** Bytes handed out so far. */
  offset = 0;
  readonly #pieces: AsyncIterator<Uint8Array, unknown>;
  /** The rest of the piece that is being read. */
  #rest: Uint8Array = new Uint8Array(0);

  constructor(source: ByteSource) {
    this.#pieces = piecesOf(source)[Symbol.asyncIterator]();
  }

  /** A copy of the next `length` bytes. `what` names them should the source end first. */
  async read(length: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const part = await this.#take(length - at);
      if (part === null) throw badImage(this.offset, `expected ${length - at} more bytes of ${what}, found the end`);
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** Passes the next `length` bytes to `visit` piece by piece, keeping none. */
  async skip(length: number, what: string, visit: (part: Uint8Array) => void): Promise<void> {
    for (let left = length; left > 0;) {
      const part = await this.#take(left);
      if (part === null) throw badImage(this.offset, `expected ${left} more bytes of ${what}, found the end`);
      visit(part);
      left -= part.length;
    }
  }

  /** Whether the source has no byte left. */
  async atEnd(): Promise<boolean> {
    return !(await this.#fill());
  }

  /** Lets go of the source. */
  async close(): Promise<void> {
    await this.#pieces.return?.();
  }

  /** Up to `limit` bytes, at least one; null at the end. */
  async #take(limit: number): Promise<Uint8Array | null> {
    if (!(await this.#fill())) return null;
    const part = this.#rest.subarray(0, limit);
    this.#rest = this.#rest.subarray(part.length);
    this.offset += part.length;
    return part;
  }

  async #fill(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#pieces.next();
      if (next.done) return false;
      this.#rest = next.value;
    }
    return true;
  }
}

async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array, void> {
  if ((source as unknown) === null) throw new VmemmapError("bad-argument", "image source null");
  if (source instanceof Uint8Array) yield source;
  else if (typeof source === "object" && "getReader" in source) yield* readableStreamPieces(source);
  else if (typeof source === "object" && Symbol.asyncIterator in source) yield* source;
  else
    throw new VmemmapError(
      "bad-argument",
      `image source ${display(source)}: expected bytes, a Blob or a stream of bytes`,
    );
}

/** Not every browser's ReadableStream is an async iterable. */
async function* readableStreamPieces(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}
