/** The examples of the README and of the guides print what their comments say. */
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const pages = ["README.md", "docs/device-pages.md", "docs/threads.md", "docs/shards.md", "docs/dumps.md"];
const examples = pages.flatMap((page) => {
  const codes = [...readFileSync(`${root}/${page}`, "utf8").matchAll(/^```js\n(.*?)^```$/gms)];
  return codes.map(([, code], i) => ({ page, number: i + 1, code: code! }));
});

it("have examples", () => expect(new Set(examples.map(({ page }) => page)).size).toBe(pages.length));

it.each(examples)("$page, example $number", ({ code }) => {
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
