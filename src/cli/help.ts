/** Help, made of what commands say of themselves. */
import { type Command, COMMON_OPTIONS, type Option } from "./command.js";

const OPTION_COLUMN = 24;

function optionLines([name, { short, value, help }]: [string, Option]): string {
  const left = `  ${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
  const [first, ...rest] = help.split("\n");
  const head =
    left.length < OPTION_COLUMN - 1
      ? `${left.padEnd(OPTION_COLUMN)}${first}`
      : `${left}\n${" ".repeat(OPTION_COLUMN)}${first}`;
  return [head, ...rest.map((line) => `${" ".repeat(OPTION_COLUMN)}${line}`)].join("\n");
}

/** What `vmemmap COMMAND --help` prints. */
export function commandHelp({ name, summary, operands, options, details, examples }: Command): string {
  const parts = [
    `vmemmap ${name}: ${summary}`,
    `Usage: vmemmap ${[name, ...operands].join(" ")} [options]`,
    ...(details === undefined ? [] : [details.trim()]),
    `Options:\n${Object.entries<Option>({ ...options, ...COMMON_OPTIONS })
      .map(optionLines)
      .join("\n")}`,
    `Examples:\n${examples.map(({ line, says }) => `  ${line}\n      ${says}`).join("\n")}`,
  ];
  return `${parts.join("\n\n")}\n`;
}

/** What `vmemmap --help` prints. */
export function overview(commands: readonly Pick<Command, "name" | "summary">[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return `vmemmap: the Linux memory map

Usage: vmemmap COMMAND [options]

Commands:
${commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n")}

SOURCE is the path of a dump (a vmcore in any form, a map's image), or live: the kernel that runs here.
vmemmap help COMMAND says more of a command, with examples. vmemmap --version prints the version.
`;
}
