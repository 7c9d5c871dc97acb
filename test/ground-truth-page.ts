/** Tables of docs/results/ground-truth.md, for tests to hold against what they count. */
import { readFileSync } from "node:fs";

export const groundTruthPage = readFileSync(new URL("../docs/results/ground-truth.md", import.meta.url), "utf8");

/** Cells of a row in the table below this text: behind those that name it, numbers where they are. */
export function documentedRow(caption: string, ...names: readonly string[]): (number | string)[] {
  const at = groundTruthPage.indexOf(caption);
  if (at < 0) throw new Error(`docs/results/ground-truth.md has no "${caption}"`);
  const table = groundTruthPage.slice(at).split("\n\n")[1] ?? "";
  const rows = table.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  const row = rows.find((cells) => names.every((name, i) => cells[i + 1] === `\`${name}\``)) ?? [];
  return row
    .slice(1 + names.length, -1)
    .map((cell) => (/^-?[\d ]+$/.test(cell) ? Number(cell.replaceAll(" ", "")) : cell));
}
