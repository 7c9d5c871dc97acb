/** The command line in this process: what it prints, and its exit code. */
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { Output } from "../../../src/cli/output.js";
import { run } from "../../../src/cli/run.js";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  /** The same as it came. */
  readonly bytes: Buffer;
  readonly stderr: string;
}

function collector(): { stream: Writable; bytes: () => Buffer } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return { stream, bytes: () => Buffer.concat(chunks) };
}

/** Run `vmemmap` with these arguments. */
export async function runCli(argv: readonly string[], signal = new AbortController().signal): Promise<Ran> {
  const out = collector();
  const err = collector();
  const code = await run(argv, { stdout: new Output(out.stream), stderr: new Output(err.stream), signal });
  return { code, stdout: out.bytes().toString(), bytes: out.bytes(), stderr: err.bytes().toString() };
}

/** Path of a map that ships with the package. */
export function mapPath(name: string): string {
  return fileURLToPath(new URL(`../../../maps/${name}.vmemmap`, import.meta.url));
}
