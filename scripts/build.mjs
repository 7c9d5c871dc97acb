// Build everything: the core's four targets, the files derived from them, and the wrapper.
//   node scripts/build.mjs [--core]      --core stops before the wrapper is compiled
import { execFile, execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { abiOf, abiPage, coreInterface, wordsJson } from "./abi.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);

const run = (script, ...args) => execFileSync(process.execPath, [script, ...args], { stdio: "inherit" });

const asc = "node_modules/assemblyscript/bin/asc.js";
const compile = (target) =>
  promisify(execFile)(process.execPath, [asc, "--config", "asconfig.json", "--target", target]).catch(
    ({ stdout, stderr }) => {
      console.error(stdout + stderr);
      process.exit(1);
    },
  );
await Promise.all(["release", "scalar", "shared", "debug"].map(compile));

const inline = (name, file) => `export const ${name} = "${readFileSync(file).toString("base64")}";\n`;
const made = "// Made by scripts/build.mjs: the core, inlined so that loading it is synchronous everywhere.\n";
mkdirSync("src/engine/generated", { recursive: true });
writeFileSync(
  "src/engine/generated/modules.ts",
  made + inline("simd", "build/vmemmap.wasm") + inline("scalar", "build/vmemmap.scalar.wasm"),
);
// A file of its own: only who asks for threads loads it.
writeFileSync("src/engine/generated/shared.ts", made + inline("shared", "build/vmemmap.shared.wasm"));

const abi = abiOf("build/vmemmap.d.ts", "build/vmemmap.wasm", "assembly");
writeFileSync("src/engine/generated/core.ts", coreInterface(abi));
writeFileSync("docs/abi.md", abiPage(abi, "scripts/abi-template.md"));

if (!process.argv.includes("--core")) {
  run("node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json");
  for (const name of ["vmemmap.wasm", "vmemmap.scalar.wasm", "vmemmap.shared.wasm"])
    copyFileSync(`build/${name}`, `dist/${name}`);
  const { presetNames, profile } = await import("../dist/src/index.js");
  const { wordsOf } = await import("../dist/src/engine/state.js");
  writeFileSync("dist/words.json", wordsJson(presetNames.map(profile), wordsOf));
}
