/** What a command is. A file a command stands beside this one; commands.ts lists them. */
import type { Host } from "./host.js";

/** 0: fine. 1: it ran, and found something wrong in what it looked at. 2: bad use, or input that can't be used. */
export type ExitCode = 0 | 1 | 2;

export interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** It may be given several times. */
  readonly multiple?: boolean;
  /** What help calls the value of a string: "FILE". */
  readonly value?: string;
  /** Throws where its value can't be used, whatever the source: before that is opened. */
  readonly check?: (value: string) => void;
  /** What help says of it: one line, or several. */
  readonly help: string;
}

export type Options = Readonly<Record<string, Option>>;

export type OptionValues<O extends Options> = {
  readonly [K in keyof O]: O[K] extends { readonly type: "boolean" }
    ? boolean
    : O[K] extends { readonly multiple: true }
      ? readonly string[]
      : string | undefined;
};

/** Options that every command has. */
export const COMMON_OPTIONS = {
  part: {
    type: "string",
    multiple: true,
    value: "FILE",
    help: "a further file of a dump that is split over several; may be given again",
  },
  json: { type: "boolean", help: "answer in JSON; errors on stderr too" },
  help: { type: "boolean", short: "h", help: "print this" },
} as const satisfies Options;

/** One call of a command. */
export interface Call<O extends Options> {
  readonly operands: readonly string[];
  readonly options: OptionValues<O & typeof COMMON_OPTIONS>;
  readonly host: Host;
}

export interface Example {
  /** As it is typed in a shell, in a folder that holds a map `vmcore`. */
  readonly line: string;
  readonly says: string;
}

export interface CommandSpec<O extends Options> {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** What follows the name: "SOURCE"; "…..." takes one or more. */
  readonly operands: readonly string[];
  /** Its own, beside {@link COMMON_OPTIONS}. */
  readonly options: O;
  /** Paragraphs of its help, between usage and options. */
  readonly details?: string;
  readonly examples: readonly Example[];
  /** @throws VmemmapError: the frame prints it and exits with 2 */
  run(call: Call<O>): Promise<ExitCode>;
}

/** A command, whatever its options. */
export interface Command extends Omit<CommandSpec<Options>, "run"> {
  run(call: Call<Options>): Promise<ExitCode>;
}

/** A command whose `run` sees its options by type. */
export function defineCommand<const O extends Options>(spec: CommandSpec<O>): Command {
  return spec;
}
