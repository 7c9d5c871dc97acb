/** A command's arguments, read by its options. */
import { parseArgs } from "node:util";
import { VmemmapError } from "../errors.js";
import { type Command, COMMON_OPTIONS, type Options, type OptionValues } from "./command.js";
import { strangeName } from "../nearest.js";

export interface Arguments {
  readonly operands: readonly string[];
  readonly options: OptionValues<Options & typeof COMMON_OPTIONS>;
}

export function badUse(message: string): VmemmapError {
  return new VmemmapError("bad-argument", message);
}

/** @throws VmemmapError "bad-argument": no such option; no value, or one too many; operands too few or too many */
export function parseArguments(command: Command, argv: readonly string[]): Arguments {
  const known: Options = { ...command.options, ...COMMON_OPTIONS };
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      Object.entries(known).map(([name, { type, short }]) => [name, short === undefined ? { type } : { type, short }]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const operands: string[] = [];
  const options: Record<string, boolean | string | string[] | undefined> = {};
  for (const [name, { type, multiple }] of Object.entries(known))
    options[name] = type === "boolean" ? false : multiple ? [] : undefined;
  for (const token of tokens) {
    if (token.kind === "positional") operands.push(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(known, token.name) ? known[token.name] : undefined;
    if (option === undefined) {
      const names = Object.keys(known).map((name) => `--${name}`);
      throw badUse(`no option ${strangeName(token.rawName, names)}`);
    }
    const given = options[token.name];
    if (option.type === "boolean") {
      if (token.value !== undefined) throw badUse(`--${token.name} takes no value`);
      options[token.name] = true;
    } else if (token.value === undefined || token.value === "") {
      throw badUse(`--${token.name}: ${option.value ?? "the value"} is missing`);
    } else if (given !== undefined && !Array.isArray(given)) {
      throw badUse(`--${token.name} is given twice`);
    } else {
      option.check?.(token.value);
      if (Array.isArray(given)) given.push(token.value);
      else options[token.name] = token.value;
    }
  }
  if (options["help"] !== true) checkOperands(command, operands);
  return { operands, options: options as Arguments["options"] };
}

function checkOperands({ operands: names }: Command, operands: readonly string[]): void {
  const missing = names[operands.length];
  if (missing !== undefined) throw badUse(`${missing.replace(/\.\.\.$/, "")} is missing`);
  const takesMore = names.at(-1)?.endsWith("...") ?? false;
  if (!takesMore && operands.length > names.length)
    throw badUse(`one argument too many: ${JSON.stringify(operands[names.length])}`);
}
