export { type VmemmapAliases } from "./aliases.js";
export { VmemmapError, type VmemmapErrorCode } from "./errors.js";
export { Folio } from "./folio.js";
export type { AltmapRecord, ByteSource, PgmapRange, PgmapRecord } from "./image/image.js";
export * from "./profile/index.js";
export type { MemoryRange, Section } from "./sections.js";
export type { PageKind, PagePredicate } from "./select.js";
export type { AnswerList, Build, PfnList, PfnRange, PfnSource } from "./types.js";
export { type ImageSource, type LoadOptions, Vmemmap, type VmemmapOptions } from "./vmemmap.js";
