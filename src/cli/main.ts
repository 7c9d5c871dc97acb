#!/usr/bin/env node
import { readFileSync } from "node:fs";

/** A command: takes its own arguments, answers the exit code. Loaded when it is called. */
type Command = (argv: string[]) => Promise<number>;

const commands: Record<string, { readonly summary: string; readonly load: () => Promise<Command> }> = {
  bench: {
    summary: "how many folio lookups a second this machine does; what finding a pgmap costs",
    load: async () => (await import("../../bench/command.js")).runBenchCommand,
  },
};

function version(): string {
  const manifest = new URL("../../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}

const help = `vmemmap: the Linux memory map

Usage: vmemmap COMMAND [options]

Commands:
${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
  .join("\n")}

vmemmap COMMAND --help says more. vmemmap --version prints the version.`;

async function main([name = "--help", ...argv]: string[]): Promise<number> {
  if (name === "--help" || name === "-h") {
    console.log(help);
    return 0;
  }
  if (name === "--version") {
    console.log(version());
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    console.error(`vmemmap: no command ${JSON.stringify(name)}; there is ${Object.keys(commands).join(", ")}`);
    return 2;
  }
  return (await command.load())(argv);
}

process.exitCode = await main(process.argv.slice(2));
