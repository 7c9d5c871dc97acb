import { display } from "../check.js";
import { VmemmapError } from "../errors.js";
import type { RandomAccessFile } from "./file.js";
import { checkWithin } from "./structure.js";

/** What is to be filled, and its length before. */
interface Wanted {
  readonly out: Uint8Array;
  readonly length: number;
}

type Members = Readonly<Partial<Record<keyof RandomAccessFile, unknown>>>;

function membersOf(file: Members): Members {
  try {
    const { name, size, readInto, close } = file;
    return { name, size, readInto, close };
  } catch (cause) {
    throw new VmemmapError("unreadable", `a file that can't be asked what it is: ${String(cause)}`, { cause });
  }
}

/** A file that reads by code of the user's, of which nothing is taken on trust. */
export class GivenFile implements RandomAccessFile {
  readonly name: string;
  /** As it was when the file was given. */
  readonly size: number;
  readonly #file: RandomAccessFile;
  readonly #signal: AbortSignal | undefined;
  #closed = false;

  /** @throws VmemmapError "bad-argument": no size, or not the functions of a file */
  constructor(file: RandomAccessFile, signal?: AbortSignal) {
    const { name, size, readInto, close } = membersOf(file);
    this.name = typeof name === "string" && name !== "" ? name : "file";
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
      throw new VmemmapError("bad-argument", `${this.name}: size ${display(size)}: expected a whole number of bytes`);
    for (const [method, value] of Object.entries({ readInto, close }))
      if (typeof value !== "function")
        throw new VmemmapError("bad-argument", `${this.name}: ${method} ${display(value)}: expected a function`);
    this.size = size;
    this.#file = file;
    this.#signal = signal;
  }

  readInto(out: Uint8Array, offset: number): Promise<void> | undefined {
    checkWithin(this, offset, out.length);
    const { length } = out;
    let reading: unknown;
    try {
      reading = this.#file.readInto(out, offset);
    } catch (error) {
      throw this.#unreadable(error, offset);
    }
    if (typeof reading === "object" && reading !== null && "then" in reading)
      return this.#wait(reading as PromiseLike<unknown>, { out, length }, offset);
    this.#checkWhole(reading, { out, length }, offset);
    return undefined;
  }

  /** Closes the user's file once. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#file.close();
    } catch (error) {
      throw this.#unreadable(error, 0);
    }
  }

  async #wait(reading: PromiseLike<unknown>, wanted: Wanted, offset: number): Promise<void> {
    const signal = this.#signal;
    let stop: (() => void) | undefined;
    try {
      // It may never answer: the signal is the way out.
      const stopped = new Promise<never>((_, reject) => {
        stop = () => reject(signal?.reason as Error);
        if (signal?.aborted === true) stop();
        else signal?.addEventListener("abort", stop);
      });
      this.#checkWhole(await Promise.race([reading, stopped]), wanted, offset);
    } catch (error) {
      throw this.#unreadable(error, offset);
    } finally {
      if (stop !== undefined) signal?.removeEventListener("abort", stop);
    }
  }

  /** Who answers a count of bytes, as system calls do, may have read less than asked for. */
  #checkWhole(answer: unknown, { out, length }: Wanted, offset: number): void {
    if (out.length !== length)
      throw new VmemmapError(
        "unreadable",
        `${this.name}, offset ${offset}: its readInto has taken away the memory that it was to fill`,
      );
    if (typeof answer !== "number" || answer === length) return;
    throw new VmemmapError(
      "unreadable",
      `${this.name}, offset ${offset}: its readInto answered ${answer}, expected ${length} bytes: it has to fill what it is given`,
    );
  }

  #unreadable(error: unknown, offset: number): unknown {
    if (error instanceof VmemmapError) return error;
    if (this.#signal?.aborted === true && error === this.#signal.reason) return error;
    const why = error instanceof Error ? error.message : display(error);
    return new VmemmapError("unreadable", `${this.name}, offset ${offset}: ${why}`, { cause: error });
  }
}
