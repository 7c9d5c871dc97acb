/** What browsers load of the built package: no module of Node's, and no worker that needs to be a module. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const root = new URL("../", import.meta.url);
const { browser } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as {
  browser: Record<string, false>;
};
const withoutNode = new Set(Object.keys(browser).map((path) => new URL(path, root).href));

/** What a bundler for browsers makes of an entry: modules it follows, those imported when needed among them, and what they import. */
function graphOf(entry: string): { modules: string[]; packages: string[] } {
  const modules = new Set<string>();
  const packages = new Set<string>();
  const visit = (url: URL) => {
    if (modules.has(url.href) || withoutNode.has(url.href)) return;
    modules.add(url.href);
    const text = readFileSync(url, "utf8");
    for (const [, specifier] of text.matchAll(/(?:\bfrom |\bimport |\bimport\()"([^"]+)"/g)) {
      if (specifier!.startsWith(".")) visit(new URL(specifier!, url));
      else packages.add(specifier!);
    }
  };
  visit(new URL(entry, root));
  return { modules: [...modules], packages: [...packages].sort() };
}

describe.each([
  ["dist/src/index.js", ["@uwdata/flechette", "snappyjs", "zstddec", "zstddec/stream"]],
  ["dist/src/threads/index.js", []],
  ["dist/src/shards/index.js", []],
  ["dist/src/dump/unpack/worker.js", ["snappyjs", "zstddec"]],
  ["dist/src/threads/worker.js", []],
])("%s", (entry, expected) => {
  it("imports packages that browsers can load, when they are needed, and nothing of Node's", () => {
    const { modules, packages } = graphOf(entry);
    expect(modules.length).toBeGreaterThan(5);
    expect(packages).toEqual(expected);
  });
});

it("leaves out files that exist, and that Node alone needs", () => {
  expect([...withoutNode].filter((href) => !existsSync(new URL(href)))).toEqual([]);
  const importing = [...withoutNode].filter((href) => /from "node:/.test(readFileSync(new URL(href), "utf8")));
  expect(importing).toHaveLength(withoutNode.size);
});

it.each(["threads", "dump/unpack"])(
  "makes a classic script of %s/worker.js, which has no await of its own",
  (folder) => {
    const { modules } = graphOf(`dist/src/${folder}/worker.js`);
    // The compiler indents what is in a function.
    const waiting = modules.filter((href) => /^(?!\s|\*|\/\/).*\bawait\b/m.test(readFileSync(new URL(href), "utf8")));
    expect(waiting).toEqual([]);
  },
);
