import { VmemmapError, type VmemmapErrorCode } from "../src/errors.js";
import { runCensus } from "./census-suite.js";
import { runCompare } from "./compare.js";
import { runFields } from "./fields-suite.js";
import { runHeads } from "./heads-suite.js";
import { describeMachine, type Machine } from "./machine.js";
import { HELP, parseBenchOptions, type BenchOptions, type SuiteName } from "./options.js";
import { endWithReader, Output } from "./output.js";
import { runOpen } from "./open/command.js";
import { runAll } from "./page/all.js";
import { runPasses } from "./passes-suite.js";
import { runPgmap } from "./pgmap-suite.js";
import { jsonReport, type SuiteReport } from "./report.js";
import { runScale } from "./scale-suite.js";
import { runThreads } from "./threads-suite.js";
import { runUpkeep } from "./upkeep-suite.js";
import { runVerify } from "./verify-suite.js";

type Suite = (options: BenchOptions, machine: Machine, output: Output) => Promise<SuiteReport>;

const SUITES: Readonly<Record<SuiteName, Suite>> = {
  heads: runHeads,
  fields: runFields,
  pgmap: runPgmap,
  verify: runVerify,
  passes: runPasses,
  census: runCensus,
  threads: runThreads,
  upkeep: runUpkeep,
  scale: runScale,
};

/** What has options of its own: what runs suites, and what measures dumps rather than maps. */
const COMMANDS: Readonly<Record<string, ((argv: readonly string[]) => Promise<void>) | undefined>> = {
  all: runAll,
  compare: runCompare,
  open: runOpen,
};

/** What a user can mend by another argument or another file. */
const BAD_INPUT: readonly VmemmapErrorCode[] = [
  "bad-argument",
  "unreadable",
  "bad-dump",
  "bad-image",
  "unsupported-dump",
];

/** Runs `vmemmap bench` with these arguments and returns the exit code: 0, 1 on failure, 2 on a bad argument. */
export async function runBenchCommand(argv: readonly string[]): Promise<number> {
  endWithReader(process.stdout);
  endWithReader(process.stderr);
  try {
    const [name, ...rest] = argv;
    const command = name === undefined ? undefined : COMMANDS[name];
    if (command !== undefined) {
      await command(rest);
      return 0;
    }
    const options = parseBenchOptions(argv);
    if (options === null) {
      process.stdout.write(HELP);
      return 0;
    }
    const machine = describeMachine();
    const output = new Output(options.json);
    const report = await SUITES[options.suite](options, machine, output);
    output.printJson(jsonReport(machine, options, report));
    return 0;
  } catch (error) {
    if (!(error instanceof VmemmapError)) throw error;
    process.stderr.write(`vmemmap bench: ${error.message}\n`);
    return BAD_INPUT.includes(error.code) ? 2 : 1;
  }
}
