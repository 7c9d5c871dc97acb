// The core's exports, read from the compiler's declarations, the sources' doc comments and the module itself: as a
// TypeScript interface for the wrapper and as docs/abi.md, whose prose is scripts/abi-template.md.
/* global WebAssembly */
import { readFileSync } from "node:fs";

/** The doc comment that ends at `at`, as one line. */
function docBefore(text, at) {
  const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:\/\/ @ts-ignore[^\n]*\s*@inline\s*)?$/.exec(text.slice(0, at));
  if (!comment) return "";
  return comment[1]
    .replace(/^\s*\*\s?/gm, "")
    .replace(/\s+/g, " ")
    .trim();
}

/** The source file of a declaration, which names it as assembly/bulk/scan/scan_all. */
function sourceOf(path, assembly) {
  return readFileSync(`${assembly}/${path.split("/").slice(1, -1).join("/")}.ts`, "utf8");
}

function docOf(source, kind, name) {
  return docBefore(source, source.search(new RegExp(`export ${kind} ${name}\\b`)));
}

/** Members of an enumeration or fields of a class, two spaces in: [{ name, type, doc }]. */
function membersOf(source, kind, name) {
  const start = source.indexOf(`export ${kind} ${name} {`);
  const body = source.slice(start, source.indexOf("\n}", start));
  return [...body.matchAll(/^ {2}(\w+)(?:: (\w+);|(?: = -?\d+)?,)$/gm)].map((member) => ({
    name: member[1],
    type: member[2],
    doc: docBefore(body, member.index),
  }));
}

const SIZES = { u64: 8, u32: 4, i32: 4 };

/** Fields of an unmanaged class with their offsets: each aligned to its size. */
function layoutOf(source, name) {
  let end = 0;
  return membersOf(source, "class", name).map((field) => {
    const size = SIZES[field.type];
    const offset = Math.ceil(end / size) * size;
    end = offset + size;
    return { ...field, offset };
  });
}

/**
 * What the module exports: { functions: [{ name, params, result, doc }], constants: [{ name, value, doc }],
 * enums: [{ name, doc, members: [{ name, value, doc }] }], predicate: [{ name, type, offset, doc }] }.
 */
export function abiOf(declarations, module, assembly) {
  const text = readFileSync(declarations, "utf8");
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(module)), { env: { memory } });
  const valueOf = (name) => exports[name].value >>> 0;

  const functions = [];
  for (const [, doc, name] of text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export function (\w+)\(/g)) {
    const path = /^\s*\*\s+(assembly\/\S+)/m.exec(doc)[1];
    const params = [...doc.matchAll(/@param (\w+) `(\w+)`/g)].map(([, param, type]) => ({ name: param, type }));
    const result = /@returns `(\w+)`/.exec(doc)?.[1] ?? "void";
    functions.push({ name, params, result, doc: docOf(sourceOf(path, assembly), "function", name) });
  }
  const constants = [...text.matchAll(/\/\*\* (assembly\/\S+) \*\/\s*export const (\w+): \{/g)].map(
    ([, path, name]) => ({ name, value: valueOf(name), doc: docOf(sourceOf(path, assembly), "const", name) }),
  );
  const enums = [...text.matchAll(/\/\*\* (assembly\/\S+) \*\/\s*export enum (\w+) \{/g)].map(([, path, name]) => {
    const source = sourceOf(path, assembly);
    const members = membersOf(source, "enum", name).map((member) => ({
      ...member,
      name: `${name}.${member.name}`,
      value: valueOf(`${name}.${member.name}`),
    }));
    return { name, doc: docOf(source, "enum", name), members };
  });
  return {
    functions: functions.sort((a, b) => (a.name < b.name ? -1 : 1)),
    constants,
    enums,
    predicate: layoutOf(readFileSync(`${assembly}/bulk/scan.ts`, "utf8"), "Predicate"),
  };
}

export function coreInterface({ functions, constants, enums }) {
  const lines = functions.map(
    ({ name, params }) =>
      `  readonly ${name}: (${params.map((param) => `${param.name}: number`).join(", ")}) => number;`,
  );
  const names = [...constants, ...enums.flatMap(({ members }) => members)].map(({ name }) => JSON.stringify(name));
  return [
    "// Made by scripts/build.mjs from the core's exports.",
    "export interface CoreExports {",
    ...lines,
    "}",
    "",
    "/** Names of the constants the core exports as globals. */",
    `export type CoreConstant =\n  | ${names.join("\n  | ")};`,
    "",
  ].join("\n");
}

function firstSentence(doc) {
  return /^.*?[.](?= [A-Z`]|$)/.exec(doc)?.[0] ?? doc;
}

function table(head, rows) {
  const line = (cells) =>
    `| ${cells.map((cell) => String(cell).replace(/\|/g, "\\|").replace(/</g, "&lt;")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

const code = (text) => `\`${text}\``;
const address = (value) => `0x${value.toString(16)}`;

function functionTable(functions) {
  const row = ({ name, params, result, doc }) => [
    code(name),
    params.map((param) => `${param.name}: ${param.type}`).join(", "),
    result,
    firstSentence(doc),
  ];
  return table(["export", "parameters", "result", "what it is"], functions.map(row));
}

/** The words' comments are "unit: meaning". */
function wordTable({ members }) {
  const row = ({ name, value, doc }) => {
    const [, unit, meaning] = /^(.*?): (.*)$/.exec(doc) ?? [null, "", doc];
    return [code(name), value, unit, meaning];
  };
  return table(["word", "number", "unit", "meaning"], members.map(row));
}

function constantTables(constants, enums) {
  const places = table(
    ["constant", "value", "meaning"],
    constants.map(({ name, value, doc }) => [code(name), address(value), firstSentence(doc)]),
  );
  const sections = enums.map(({ name, doc, members }) => {
    const rows = members.map((member) => [code(member.name), member.value, firstSentence(member.doc)]);
    return `### ${name}\n\n${doc}\n\n${table(["constant", "value", "meaning"], rows)}`;
  });
  return [places, ...sections].join("\n\n");
}

export function abiPage({ functions, constants, enums, predicate }, template) {
  const isWord = ({ name }) => name === "Word";
  const parts = {
    functions: functionTable(functions),
    words: wordTable(enums.find(isWord)),
    constants: constantTables(
      constants,
      enums.filter((entry) => !isWord(entry)),
    ),
    predicate: table(
      ["field", "offset", "type", "meaning"],
      predicate.map(({ name, offset, type, doc }) => [code(name), offset, type, doc]),
    ),
  };
  return readFileSync(template, "utf8").replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]);
}

/** The state words of each preset, as the wrapper computes them: { "7.3": { ENCODING: "0x2", … }, … }. */
export function wordsJson(profiles, wordsOf) {
  const hex = (value) => `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`;
  const words = (profile) =>
    Object.entries({ VMEMMAP_BASE: profile.vmemmapBase, ...wordsOf(profile) }).map(([name, value]) => [
      name,
      hex(value),
    ]);
  const presets = profiles.map((profile) => [profile.name, Object.fromEntries(words(profile))]);
  return `${JSON.stringify(Object.fromEntries(presets), null, 2)}\n`;
}
