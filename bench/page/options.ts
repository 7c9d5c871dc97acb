import { parseArgs } from "node:util";
import { VmemmapError } from "../../src/errors.js";
import { parseNames, parseSlots } from "../options.js";
import type { Scale } from "./part.js";
import { PARTS, type PartName } from "./parts.js";

export interface AllOptions {
  readonly parts: readonly PartName[];
  readonly folder: string;
  readonly scale: Scale;
}

const FULL: Scale = { largest: 60 * 2 ** 20, slots: 16 * 2 ** 20, lookups: 4 * 2 ** 20, rounds: 15 };
/** To try it: figures of such maps tell nothing. */
const QUICK: Scale = { largest: 2 ** 20, slots: 2 ** 19, lookups: 64 * 1024, rounds: 3 };

const NAMES = Object.keys(PARTS) as PartName[];

export const ALL_HELP = `Usage: vmemmap bench all [PART...] [options]

Makes the data and the pictures of docs/results/lookups.md again (with 8 GiB of memory, in about six minutes).
Parts: ${NAMES.join(", ")} (default: all)

  --out FOLDER   where files lookups-*.json and lookups-*.svg go (default docs/results)
  --slots N      slots of the largest map, 64Ki to 60Mi (default 60Mi)
  --quick        small maps and few rounds, to try it
  --help         print this
`;

/** Parses what follows `vmemmap bench all`; null asks for help. Throws VmemmapError "bad-argument". */
export function parseAllOptions(argv: readonly string[]): AllOptions | null {
  const { values, positionals } = parse(argv);
  if (values.help) return null;
  const full = values.quick ? QUICK : FULL;
  const largest = values.slots === undefined ? full.largest : parseSlots(values.slots);
  return {
    parts: positionals.length === 0 ? NAMES : parseNames("part", positionals.join(","), NAMES),
    folder: values.out,
    scale: { ...full, largest, slots: Math.min(full.slots, largest) },
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        out: { type: "string", default: "docs/results" },
        slots: { type: "string" },
        quick: { type: "boolean", default: false },
        help: { type: "boolean", default: false, short: "h" },
      },
    });
  } catch (error) {
    throw new VmemmapError("bad-argument", (error as Error).message.split(/\. |\n/)[0]!);
  }
}
