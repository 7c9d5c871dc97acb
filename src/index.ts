export { type VmemmapAliases } from "./aliases.js";
export type { DaxEntry, MigrateKind, PageTotals, ZoneDeviceTotals } from "./device-map.js";
export type { Census, CensusCount, CensusKey, CensusOptions, CensusRow } from "./census.js";
export type { RandomAccessFile } from "./dump/file.js";
export type { LoadProgress, LoadStage } from "./dump/load-progress.js";
export { openLive, type OpenLiveOptions } from "./dump/open-live.js";
export {
  openVmcore,
  type OpenVmcoreOptions,
  type VmcoreFile,
  vmcoreWindows,
  type VmcoreWindowsOptions,
} from "./dump/open-vmcore.js";
export { DIFF_FIELDS, diffMaps, type DiffField, type DiffOptions, type MapDiff, type PageDiff } from "./diff.js";
export { VmemmapError, type VmemmapErrorCode } from "./errors.js";
export { Folio, type PinOptions } from "./folio.js";
export type { HeadIndex } from "./head-index.js";
export type { AltmapRecord, ByteSource, PgmapRange, PgmapRecord } from "./image/image.js";
export { type MemremapOptions, Pgmap, type PgmapOps } from "./pgmap.js";
export * from "./profile/index.js";
export { PAGE_KINDS, type UsageKind } from "./kinds.js";
export type { MemoryRange, Section } from "./sections.js";
export type { PageKind, PagePredicate } from "./select.js";
export type { AnswerList, Build, PfnList, PfnRange, PfnSource } from "./types.js";
export { type ImageSource, type LoadOptions, Vmemmap, type VmemmapOptions } from "./vmemmap.js";
export type { Finding, FindingCode, VerifyOptions, VerifyReport } from "./verify.js";
export type { VmemmapUsage } from "./usage.js";
export { NOT_DEVICE, UNKNOWN_PGMAP } from "./pgmaps.js";
export { pageReport, type FolioReport, type PageReport, type ReportedField } from "./page-report.js";
export type { SlotOrigin } from "./slot-origins.js";
export {
  arrowOf,
  columnsOf,
  csvOf,
  folioRows,
  ndjsonOf,
  objectsOf,
  pageRows,
  type RowBlock,
  type RowObject,
  type RowOptions,
  type Rows,
  type RowSort,
  valueOf,
} from "./rows/index.js";
