import { parseArgs } from "node:util";
import { VmemmapError } from "../../src/errors.js";
import { parseSlots } from "../options.js";

export interface OpenOptions {
  /** Dumps or images; none: those of a folder of real dumps, or the package's images, and synthetic dumps. */
  readonly sources: readonly string[];
  /** Of the synthetic dumps. */
  readonly slots: number;
  readonly rounds: number;
  /** That unpack; undefined: as many as help. */
  readonly threads: number | undefined;
  readonly json: boolean;
}

export const OPEN_HELP = `Usage: vmemmap bench open [options]

Opens dumps and counts what their pages are used for, stage by stage, beside the time to read and unpack the same frames
alone. Without --map: dumps of real machines where they are at hand ($VMEMMAP_VMCORES, or ../shared/vmcores beside the
package), else the images of the package; and dumps of a synthetic machine, written to a temporary folder.

  --map SOURCE   a dump or an image; may be given more than once
  --slots N      size of the synthetic machine's map (default 4Mi: 16 GiB of memory)
  --rounds N     times each is opened in one process; the first is told apart, the others' median counts (default 7)
  --threads N    threads that unpack pages, 1 to 64 (default: as many as help)
  --json         print one JSON object
  --help         print this
`;

/** Parses what follows `vmemmap bench open`; null asks for help. @throws VmemmapError "bad-argument" */
export function parseOpenOptions(argv: readonly string[]): OpenOptions | null {
  const values = parse(argv);
  if (values.help) return null;
  return {
    sources: values.map ?? [],
    slots: parseSlots(values.slots),
    rounds: whole("--rounds", values.rounds, 2, 1000),
    threads: values.threads === undefined ? undefined : whole("--threads", values.threads, 1, 64),
    json: values.json,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        map: { type: "string", multiple: true },
        slots: { type: "string", default: "4Mi" },
        rounds: { type: "string", default: "7" },
        threads: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false, short: "h" },
      },
    }).values;
  } catch (error) {
    throw new VmemmapError("bad-argument", (error as Error).message.split(/\. |\n/)[0]!);
  }
}

function whole(option: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new VmemmapError("bad-argument", `${option}: "${text}" is no whole number from ${min} to ${max}`);
}
