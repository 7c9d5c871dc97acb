import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { VmemmapError } from "../../src/errors.js";
import { describeMachine } from "../machine.js";
import { collectGarbage } from "../memory.js";
import { Output } from "../output.js";
import { jsonReport } from "../report.js";
import { ALL_HELP, parseAllOptions } from "./options.js";
import { PARTS } from "./parts.js";

/** Runs `vmemmap bench all` with these arguments: writes a file of figures for each part of the results page, and its pictures. */
export async function runAll(argv: readonly string[]): Promise<void> {
  const options = parseAllOptions(argv);
  if (options === null) {
    process.stdout.write(ALL_HELP);
    return;
  }
  const { parts, folder, scale } = options;
  await makeFolder(folder);
  const machine = describeMachine();
  const output = new Output(false);
  for (const name of parts) {
    output.print(`\n${name}\n\n`);
    const { options: measured, report, pictures } = await PARTS[name](scale, machine, output);
    const file = (suffix: string): string => join(folder, `lookups-${name}${suffix}`);
    await writeFile(file(".json"), `${JSON.stringify(jsonReport(machine, measured, report), null, 2)}\n`);
    for (const [which, svg] of pictures) await writeFile(file(`${which && `-${which}`}.svg`), svg);
    collectGarbage();
  }
  output.print(`\nFigures and pictures are in ${folder}.\n`);
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new VmemmapError("bad-argument", `--out: ${folder} can't be written`, { cause: error });
  }
}
