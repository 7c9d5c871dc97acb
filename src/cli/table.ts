/** Rows of text in columns: numbers to the right, the rest to the left. */
import { printable } from "./printable.js";

export interface TableColumn {
  readonly title: string;
  /** @default "left" */
  readonly align?: "left" | "right";
}

/** The lines of a table, with titles over its columns, and nothing behind the last word of a line. */
export function tableText(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string {
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => row.map(printable))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  return lines
    .map((line) => {
      const cells = columns.map(({ align }, i) => {
        const text = line[i] ?? "";
        return align === "right" ? text.padStart(widths[i]!) : text.padEnd(widths[i]!);
      });
      return `${cells.join("  ").trimEnd()}\n`;
    })
    .join("");
}
