import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { VmemmapError } from "../../src/errors.js";
import { describeMachine } from "../machine.js";
import { formatCount } from "../options.js";
import { Output } from "../output.js";
import { OPEN_HELP, type OpenOptions, parseOpenOptions } from "./options.js";
import { OPEN_LEGEND, openResultOf, type OpenResult, openTable, openVerdict } from "./report.js";
import { defaultSources } from "./sources.js";
import type { OpenFigures, OpenTask } from "./stages.js";
import { syntheticMachine, TILED } from "./synthetic.js";
import { DUMP_FORMS, writeDump } from "./write-dump.js";

/** Runs `vmemmap bench open` with these arguments. @throws VmemmapError "bad-argument", or a source's own */
export async function runOpen(argv: readonly string[]): Promise<void> {
  const options = parseOpenOptions(argv);
  if (options === null) {
    process.stdout.write(OPEN_HELP);
    return;
  }
  const output = new Output(options.json);
  const machine = describeMachine();
  const { sources, origin } =
    options.sources.length > 0 ? { sources: options.sources, origin: "as given" } : defaultSources();
  const threads = options.threads === undefined ? "as many threads as help" : `threads: ${options.threads}`;
  output.print(
    `machine  ${machine.name}\nnode     ${machine.node}\ndumps    ${origin}\n` +
      `opened   ${options.rounds} times each by a process of its own, pages unpacked by ${threads}\n`,
  );
  const results: OpenResult[] = [];
  const measure = async (source: string, name: string): Promise<void> => {
    output.progress(`${name}: opening`);
    const result = openResultOf(name, await inChild(source, options));
    output.print(`\n${openTable(result)}`);
    results.push(result);
  };
  for (const source of sources) await measure(source, source);
  if (options.sources.length === 0) await measureSynthetic(options, measure);
  output.print(`${openVerdict(results)}${OPEN_LEGEND}`);
  output.printJson({ benchmark: "open", machine: machine.name, node: machine.node, origin, ...options, results });
}

async function measureSynthetic(
  { slots }: OpenOptions,
  measure: (source: string, name: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "vmemmap-bench-"));
  try {
    const content = await syntheticMachine(slots);
    for (const form of DUMP_FORMS) {
      const path = join(folder, form);
      writeDump(path, form, content);
      await measure(path, `synthetic ${form}, ${TILED} tiled to ${formatCount(slots)} slots`);
      rmSync(path);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function inChild(source: string, { threads, rounds }: OpenOptions): Promise<OpenFigures> {
  const task: OpenTask = { source, threads, rounds };
  const script = fileURLToPath(new URL("./child.js", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(task)]);
  const answer = JSON.parse(stdout) as OpenFigures | { readonly error: VmemmapError };
  if ("error" in answer) throw new VmemmapError(answer.error.code, answer.error.message);
  return answer;
}
