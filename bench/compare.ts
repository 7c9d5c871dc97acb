import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { VmemmapError } from "../src/errors.js";
import { runHeads } from "./heads-suite.js";
import { comparison, figuresOf, KEY_SLOTS, measuredIn, parseHistory, withRow, type Measured } from "./history.js";
import { describeMachine } from "./machine.js";
import { ENCODINGS } from "./options.js";
import { Output } from "./output.js";
import { packageRoot, packageVersion } from "./package.js";
import { suiteOptions } from "./page/part.js";
import { lookupsIn, runThreads } from "./threads-suite.js";

const COMPARE_HELP = `Usage: vmemmap bench compare [options]

Measures the key ratios in about half a minute, and prints them beside those of the last release (bench/history.json).

  --json FILE   take them from an earlier run instead: what --json printed, or lookups-patterns.json and lookups-threads.json of
                "vmemmap bench all"; may be given more than once
  --record      keep them as the row of this version
  --help        print this
`;

/** Runs `vmemmap bench compare` with these arguments. @throws VmemmapError "bad-argument" */
export async function runCompare(argv: readonly string[]): Promise<void> {
  const { json, record, help } = parse(argv);
  if (help) {
    process.stdout.write(COMPARE_HELP);
    return;
  }
  const file = join(packageRoot(), "bench", "history.json");
  const rows = parseHistory(await readFile(file, "utf8"));
  const now = json === undefined ? await measureFigures() : await readFigures(json);
  process.stdout.write(comparison(rows.at(-1), now));
  if (!record) return;
  const date = new Date().toISOString().slice(0, 10);
  await writeFile(file, `${JSON.stringify(withRow(rows, { version: packageVersion(), date, ...now }), null, 2)}\n`);
}

function parse(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        json: { type: "string", multiple: true },
        record: { type: "boolean", default: false },
        help: { type: "boolean", default: false, short: "h" },
      },
    });
    return values;
  } catch (error) {
    throw new VmemmapError("bad-argument", (error as Error).message.split(/\. |\n/)[0]!);
  }
}

async function readFigures(files: readonly string[]): Promise<Measured> {
  const texts = new Map<string, string>();
  for (const file of files) {
    try {
      texts.set(file, await readFile(file, "utf8"));
    } catch (error) {
      throw new VmemmapError("bad-argument", `--json: ${file} can't be read`, { cause: error });
    }
  }
  return measuredIn(texts);
}

async function measureFigures(): Promise<Measured> {
  const machine = describeMachine();
  const output = new Output(true);
  const scale = { largest: KEY_SLOTS, slots: KEY_SLOTS, lookups: 4 * 2 ** 20, rounds: 30 };
  const heads = suiteOptions("heads", scale, {
    encodings: ENCODINGS,
    contenders: ["native", "native-simd", "native-index", "wasm-simd", "wasm-index"],
  });
  const threads = suiteOptions("threads", scale, {
    contenders: ["one-worker", "two-workers", "one-worker-index", "two-workers-index"],
  });
  const figures = {
    ...figuresOf((await runHeads(heads, machine, output)).results),
    ...figuresOf(lookupsIn(await runThreads(threads, machine, output))),
  };
  return { machine: machine.name, node: machine.node, figures };
}
