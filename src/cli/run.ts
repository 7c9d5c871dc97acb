/** One run of the command line, wherever its streams lead. */
import { existsSync } from "node:fs";
import { packageVersion } from "../../bench/package.js";
import { VmemmapError } from "../errors.js";
import { badUse, parseArguments } from "./arguments.js";
import type { Command } from "./command.js";
import { commands } from "./commands.js";
import { commandHelp, overview } from "./help.js";
import { type Host, Interrupted } from "./host.js";
import { jsonText } from "./json.js";
import { strangeName } from "../nearest.js";
import { ReaderGone } from "./output.js";
import { printable } from "./printable.js";

/** `vmemmap bench` has suites with options of their own, so it reads its arguments itself. */
const BENCH = {
  name: "bench",
  summary: "how many folio lookups a second this machine does; what finding a pgmap costs",
};

const names: readonly string[] = [...Object.keys(commands), BENCH.name];

/** Runs `vmemmap` with these arguments; the exit code. */
export async function run(argv: readonly string[], host: Host): Promise<number> {
  const [name = "--help", ...rest] = argv;
  try {
    const code = await dispatch(name, rest, host);
    await host.stdout.flush();
    return code;
  } catch (error) {
    return await failed(error, name, rest, host);
  }
}

async function dispatch(name: string, argv: readonly string[], host: Host): Promise<number> {
  if (name === "--help" || name === "-h" || name === "help") {
    await host.stdout.write(await helpAbout(argv[0]));
    return 0;
  }
  if (name === "--version") {
    await host.stdout.write(`${packageVersion()}\n`);
    return 0;
  }
  if (name === BENCH.name) {
    // It leaves nothing to clear up.
    host.signal.addEventListener("abort", () => process.exit((host.signal.reason as Interrupted).exitCode));
    return (await import("../../bench/command.js")).runBenchCommand(argv);
  }
  const command = await commandNamed(name);
  const { operands, options } = parseArguments(command, argv);
  if (options.help) {
    await host.stdout.write(commandHelp(command));
    return 0;
  }
  return command.run({ operands, options, host });
}

async function commandNamed(name: string): Promise<Command> {
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load !== undefined) return load();
  if (name.startsWith("-")) throw badUse(`no option ${strangeName(name, ["--help", "--version"])} before a command`);
  // What reads dumps is loaded by the commands that do.
  const { LIVE } = await import("./source.js");
  if (name === LIVE || existsSync(name))
    throw badUse(`${name} is a source, and stands behind a command: vmemmap info ${name}`);
  throw badUse(`no command ${strangeName(name, names)}`);
}

async function helpAbout(name: string | undefined): Promise<string> {
  if (name === BENCH.name) return (await import("../../bench/options.js")).HELP;
  if (name !== undefined) return commandHelp(await commandNamed(name));
  return overview([...(await Promise.all(Object.values(commands).map((load) => load()))), BENCH]);
}

/** Say what went wrong, on stderr; the exit code. */
async function failed(
  error: unknown,
  name: string,
  argv: readonly string[],
  { stderr, signal }: Host,
): Promise<number> {
  if (error instanceof ReaderGone) return 0;
  if (signal.aborted && signal.reason instanceof Interrupted) return signal.reason.exitCode;
  const own = Object.hasOwn(commands, name) ? ` ${name}` : "";
  if (!(error instanceof VmemmapError)) {
    const trace = error instanceof Error ? error.stack : String(error);
    await stderr.write(`vmemmap${own}: a fault of vmemmap itself; please report it with what follows\n${trace}\n`);
    return 2;
  }
  const { code, message } = error;
  if (argv.includes("--json")) {
    await stderr.write(`${jsonText({ error: { code, message } })}\n`);
  } else {
    const hint = code === "bad-argument" ? `\nvmemmap help${own} says more\n` : "\n";
    const lines = message.split("\n").map(printable).join("\n");
    await stderr.write(`vmemmap${own}: ${lines}${hint}`);
  }
  return 2;
}
