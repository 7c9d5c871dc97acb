import { access, constants } from "node:fs/promises";
import { dirname } from "node:path";
import { VmemmapError } from "../src/errors.js";

/** Ends the process quietly once nobody reads the stream any more, as in `vmemmap bench | head`. */
export function endWithReader(stream: NodeJS.EventEmitter): void {
  stream.off("error", endOnClosedPipe).on("error", endOnClosedPipe);
}

function endOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
}

/** Where a benchmark writes: the report to stdout unless JSON is wanted, the rest to stderr. */
export class Output {
  readonly #json: boolean;
  readonly #isTerminal = process.stderr.isTTY;
  #hasProgress = false;

  constructor(json: boolean) {
    this.#json = json;
  }

  print(text: string): void {
    this.#clearProgress();
    if (!this.#json) process.stdout.write(text);
  }

  printJson(value: object): void {
    this.#clearProgress();
    if (this.#json) process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  }

  warn(message: string): void {
    this.#clearProgress();
    process.stderr.write(`warning: ${message}\n`);
  }

  /** Says what is being done, on one line that the next one replaces; only to a terminal. */
  progress(message: string): void {
    if (!this.#isTerminal) return;
    this.#clearProgress();
    process.stderr.write(message);
    this.#hasProgress = true;
  }

  #clearProgress(): void {
    if (this.#hasProgress) process.stderr.write("\r\x1b[2K");
    this.#hasProgress = false;
  }
}

/** For a picture that comes at the end of a long run. @throws VmemmapError "bad-argument" */
export async function refuseUnwritable(file: string): Promise<void> {
  try {
    await access(dirname(file), constants.W_OK);
  } catch (error) {
    throw new VmemmapError("bad-argument", `--plot: ${file} can't be written`, { cause: error });
  }
}
