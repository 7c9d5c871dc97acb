import { once } from "node:events";
import { jsonText } from "./json.js";
import { unwritable } from "./unwritable.js";

/** Nobody reads the stream any more, as behind `| head`: the run ends quietly. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone";
}

/** A stream that a command writes to. */
export class Output {
  readonly #stream: NodeJS.WritableStream & { readonly isTTY?: boolean };
  #error: NodeJS.ErrnoException | undefined;

  constructor(stream: NodeJS.WritableStream & { readonly isTTY?: boolean }) {
    this.#stream = stream;
    stream.on("error", (error: NodeJS.ErrnoException) => (this.#error ??= error));
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY ?? false;
  }

  /**
   * Write text or bytes; resolves when there is room for more.
   *
   * @throws ReaderGone; VmemmapError "no-space", "bad-argument": it can't be written
   */
  async write(chunk: string | Uint8Array): Promise<void> {
    this.#check();
    if (!this.#stream.write(chunk)) {
      try {
        await once(this.#stream, "drain");
      } catch (error) {
        this.#error ??= error as NodeJS.ErrnoException;
      }
    }
    this.#check();
  }

  /** One JSON value and a newline; bigints become "0x…". */
  async json(value: unknown): Promise<void> {
    await this.write(`${jsonText(value, 2)}\n`);
  }

  /** Resolves when all that was written is with the system. */
  async flush(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#stream.write("", () => resolve());
    });
    this.#check();
  }

  #check(): void {
    if (this.#error === undefined) return;
    if (this.#error.code === "EPIPE") throw new ReaderGone();
    throw unwritable("the output", this.#error);
  }
}
