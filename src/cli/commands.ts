/** The commands, in the order of help. Each is loaded when it is called. */
import type { Command } from "./command.js";

export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  page: async () => (await import("./page.js")).default,
  pages: async () => (await import("./pages.js")).default,
  folios: async () => (await import("./folios.js")).default,
};
