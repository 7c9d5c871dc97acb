import { expect } from "vitest";
import type { Machine } from "../../bench/machine.js";

/** A machine whose name needs escaping. */
export const MACHINE: Machine = {
  name: "Ryzen & <friends>",
  node: "v20.0.0",
  pageSize: 4096,
  transparentHugePages: "madvise",
  caches: [
    { level: 2, bytes: 2 ** 20 },
    { level: 3, bytes: 32 * 2 ** 20 },
  ],
};

/** Each tag is closed, each reserved character escaped, and no figure is missing. */
export function expectWellFormed(svg: string): void {
  const open: string[] = [];
  for (const [, close, name, selfClosing] of svg.matchAll(
    /<(\/?)([a-z]+)(?:\s+[\w:-]+="[^"<&]*(?:&\w+;[^"<&]*)*")*\s*(\/?)>/g,
  )) {
    if (close) expect(open.pop()).toBe(name);
    else if (!selfClosing) open.push(name!);
  }
  expect(open).toEqual([]);
  const text = svg.replace(/<[^<>]*>/g, "");
  expect(text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;|quot;)/);
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
}
