// The core's exports, read from the compiler's declarations and the sources' doc comments: as a TypeScript interface
// for the wrapper and as docs/abi.md.
import { readFileSync } from "node:fs";

/** First sentence of the doc comment above `name` in its source file. */
function summary(path, name, assembly) {
  const file = `${assembly}/${path.split("/").slice(1, -1).join("/")}.ts`;
  const source = readFileSync(file, "utf8");
  const at = source.search(new RegExp(`export (function|const|enum) ${name}\\b`));
  const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:\/\/ @ts-ignore[^\n]*\s*@inline\s*)?$/.exec(
    source.slice(0, at),
  );
  if (!comment) return "";
  const text = comment[1]
    .replace(/^\s*\*\s?/gm, "")
    .replace(/\s+/g, " ")
    .trim();
  return text;
}

/** Functions and constants of the module: { functions: [{ name, params, result, summary }], constants: [name] }. */
export function abiOf(declarations, assembly) {
  const text = readFileSync(declarations, "utf8");
  const functions = [];
  for (const [, doc, name] of text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export function (\w+)\(/g)) {
    const path = /^\s*\*\s+(assembly\/\S+)/m.exec(doc)[1];
    const params = [...doc.matchAll(/@param (\w+) `(\w+)`/g)].map(([, param, type]) => ({ name: param, type }));
    const result = /@returns `(\w+)`/.exec(doc)?.[1] ?? "void";
    functions.push({ name, params, result, summary: summary(path, name, assembly) });
  }
  const constants = [...text.matchAll(/\/\*\* assembly\/\S+ \*\/\s*export const (\w+): \{/g)].map(([, name]) => name);
  const enums = [...text.matchAll(/assembly\/\S+ \*\/\s*export enum (\w+) \{([\s\S]*?)\n {2}\}/g)].flatMap(
    ([, name, body]) => [...body.matchAll(/^\s+([A-Z][A-Z0-9_]*),/gm)].map(([, member]) => `${name}.${member}`),
  );
  return { functions: functions.sort((a, b) => (a.name < b.name ? -1 : 1)), constants: [...constants, ...enums] };
}

export function coreInterface({ functions, constants }) {
  const lines = functions.map(
    ({ name, params }) =>
      `  readonly ${name}: (${params.map((param) => `${param.name}: number`).join(", ")}) => number;`,
  );
  return [
    "// Made by scripts/build.mjs from the core's exports.",
    "export interface CoreExports {",
    ...lines,
    "}",
    "",
    "/** Names of the constants the core exports as globals. */",
    `export type CoreConstant =\n  | ${constants.map((name) => JSON.stringify(name)).join("\n  | ")};`,
    "",
  ].join("\n");
}

export function abiPage({ functions, constants }) {
  const row = ({ name, params, result, summary }) =>
    `| \`${name}\` | ${params.map((param) => `${param.name}: ${param.type}`).join(", ")} | ${result} | ${summary.replace(/\|/g, "\\|")} |`;
  const groups = Map.groupBy
    ? Map.groupBy(constants, (name) => name.split(".")[0])
    : constants.reduce((map, name) => {
        const key = name.split(".")[0];
        return map.set(key, [...(map.get(key) ?? []), name]);
      }, new Map());
  return `# The core's ABI

For hosts in other languages: \`vmemmap.wasm\` (SIMD) and \`vmemmap.scalar.wasm\` export the same functions. Both import one
thing, \`env.memory\`. All state stands in that memory and none in the instance, so several instances may share it. This page
is made from the sources by \`npm run build\`; a test holds it against the modules' exports.

A *slot* is a \`u32\`: the number of a \`struct page\` among those of the present sections. Lists are addressed by their place
in linear memory, \`nr\` is a length in elements, PFNs that need more than 32 bits go by halves, \`bool\` is an i32 of 0 or 1.
\`0xffffffff\` says *no such slot*. A change answers 0 or more where it was done and minus a \`Status\` where it was refused
and nothing was written. List addresses are the host's own business: a list outside the memory traps, as any WebAssembly
access does; nothing else does.

## Setting up

1. Make a memory (up to 65 536 pages of 64 KiB) that holds the places below \`SECTION_TABLE\`, the section table (4 bytes
   an entry, at least 2^17 entries so that each u32 PFN has one), lists of your own, and 2 MiB for each section's slots.
2. Instantiate with \`{ env: { memory } }\`.
3. \`state_set\` the words: \`Word.SLOTS\` (address of slot 0, a multiple of 64), \`Word.NR_SECTIONS\` (entries of the table),
   \`Word.VMEMMAP_BASE\`, the profile's words (an offset of a field the kernel lacks is 0xffffffff).
4. \`sparse_add_section\` for each present section, in ascending order, so that folios across sections have their slots in a row.
5. Write slots where they belong (\`Word.SLOTS\` + 64 * slot), tell \`slots_written\`, and \`scan_all\` to get the fast loops.

## Functions

| export | parameters | result | what it is |
|---|---|---|---|
${functions.map(row).join("\n")}

## Constants

Immutable i32 globals; the members of an enumeration are exported as \`Name.MEMBER\`.

${[...groups].map(([name, members]) => (members.length > 1 ? `- \`${name}\`: ${members.map((member) => `\`${member.split(".")[1]}\``).join(", ")}` : `- \`${name}\``)).join("\n")}
`;
}
