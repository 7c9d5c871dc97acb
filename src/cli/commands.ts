/** The commands, in the order of help. Each is loaded when it is called. */
import type { Command } from "./command.js";

export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  info: async () => (await import("./info.js")).default,
  census: async () => (await import("./census.js")).default,
  page: async () => (await import("./page.js")).default,
  pages: async () => (await import("./pages.js")).default,
  folios: async () => (await import("./folios.js")).default,
  verify: async () => (await import("./verify.js")).default,
  extract: async () => (await import("./extract.js")).default,
  diff: async () => (await import("./diff.js")).default,
  map: async () => (await import("./map.js")).default,
};
