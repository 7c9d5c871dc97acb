/** The command line in this process, with what it writes. */
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { Output } from "../../../src/cli/output.js";
import { run } from "../../../src/cli/run.js";

export interface Outcome {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

class Memory extends Writable {
  constructor(readonly isTTY: boolean) {
    super();
  }

  readonly chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(Buffer.from(chunk));
    done();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

export async function runCli(
  argv: readonly string[],
  signal: AbortSignal = new AbortController().signal,
  pagesPerWindow?: number,
  isTerminal = false,
): Promise<Outcome> {
  const [stdout, stderr] = [new Memory(isTerminal), new Memory(false)];
  const code = await run(argv, {
    stdout: new Output(stdout),
    stderr: new Output(stderr),
    signal,
    ...(pagesPerWindow !== undefined && { pagesPerWindow }),
  });
  return { code, stdout: stdout.bytes, stderr: stderr.bytes.toString() };
}

/** Path of a shipped map. */
export function mapPath(name: string): string {
  return fileURLToPath(new URL(`../../../maps/${name}.vmemmap`, import.meta.url));
}

/** What a run that has to succeed prints. */
export async function printed(...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(argv);
  if (code !== 0) throw new Error(`exit ${code}: ${stderr}`);
  return stdout.toString();
}

/** What a run that has to be refused says, without the hint about help; its exit code is 2, and it prints no data. */
export async function refusal(...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(argv);
  if (code !== 2 || stdout.length > 0) throw new Error(`exit ${code}, ${stdout.length} bytes of data: ${stderr}`);
  return stderr.replace(/\nvmemmap help[^\n]* says more\n$/, "").trimEnd();
}
