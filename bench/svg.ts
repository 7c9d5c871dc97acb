/** The parts of a picture as SVG, on a white ground of its own. */

export const INK = "#1b1f24";
export const MUTED = "#59636e";
/** Lines that others are held against. */
export const LIMIT = "#c0392b";
export const GRID = "#e3e6ea";

const MARGIN = 24;

/** What stands above a chart. */
export interface Titles {
  readonly title: string;
  /** Lines of small print below the title. */
  readonly subtitles: readonly string[];
}

/** The whole picture: these titles, and these parts below them. */
export function picture({ title, subtitles }: Titles, width: number, height: number, parts: readonly string[]): string {
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
      `font-family="Inter, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif" role="img">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(MARGIN, 40, title, { size: 24, weight: 600 }),
    ...subtitles.map((subtitle, i) => text(MARGIN, 64 + 19 * i, subtitle, { size: 13.5, fill: MUTED })),
    ...parts,
    "</svg>",
  ];
  return `${lines.join("\n")}\n`;
}

interface TextStyle {
  readonly size: number;
  readonly weight?: number;
  readonly fill?: string;
  readonly anchor?: "middle" | "end";
  /** A white edge, for text over lines. */
  readonly halo?: boolean;
}

export function text(x: number, y: number, content: string, style: TextStyle): string {
  const { size, weight = 400, fill = INK, anchor, halo = false } = style;
  const place = anchor === undefined ? "" : ` text-anchor="${anchor}"`;
  const edge = halo ? ` stroke="#ffffff" stroke-width="3" paint-order="stroke"` : "";
  return `<text x="${px(x)}" y="${px(y)}" font-size="${size}" font-weight="${weight}" fill="${fill}"${place}${edge}>${escape(content)}</text>`;
}

export function px(value: number): string {
  return String(Number(value.toFixed(1)));
}

function escape(content: string): string {
  return content.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}
