/** The README's examples print what their comments say. */
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(`${root}/README.md`, "utf8");
const examples = [...readme.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code!);

it("has examples", () => expect(examples.length).toBeGreaterThan(1));

it.each(examples)("example %#", (code) => {
  const promised = [...code.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map(([, comment]) => comment);
  // In the package's own folder, where its name resolves to itself.
  const file = `${root}/readme-example-${process.pid}.mjs`;
  writeFileSync(file, code);
  try {
    const printed = execFileSync(process.execPath, [file], { encoding: "utf8" });
    expect(printed.trimEnd().split("\n")).toEqual(promised);
  } finally {
    rmSync(file);
  }
});
