import { VmemmapError, type VmemmapErrorCode } from "../errors.js";
import type { CoreConstant } from "./generated/core.js";
import { constant } from "./modules.js";

type StatusName = Extract<CoreConstant, `Status.${string}`>;

const reasons: Record<Exclude<StatusName, "Status.OK">, [VmemmapErrorCode, string]> = {
  "Status.ABSENT": ["pfn-absent", "some page of it is in no present section or subsection"],
  "Status.ORDER": ["order-too-large", "its order does not fit"],
  "Status.UNALIGNED": ["unaligned", "the PFN is not a multiple of the folio's size"],
  "Status.OVERLAP": ["overlap", "a page of it is part of a compound page"],
  "Status.NOT_COMPOUND": ["not-compound", "the page is no head of a compound page"],
  "Status.TAIL": ["not-compound", "the page is a tail"],
  "Status.SPLIT_UPWARDS": ["split-upwards", "a folio splits only to a lower order"],
  "Status.NOT_FROZEN": ["not-frozen", "the refcount is not 0"],
  "Status.MAPPED": ["folio-mapped", "a page of it is mapped"],
  "Status.ALIASED": ["aliased-slots", "slots of the folio are aliases of another frame (HVO or device-dax)"],
  "Status.REFCOUNT": ["refcount", "the refcount does not allow it"],
  "Status.POLICY": ["flag-policy", "the flag's policy forbids it on this page"],
  "Status.TYPE": ["page-type", "the page has another type, none, or is mapped"],
  "Status.BAD_HEAD": ["bad-head", "the tagged word of the page leads to no present head"],
  "Status.HWPOISON": ["hwpoison", "the page is poisoned, and a poisoned page is never freed"],
  "Status.NOT_OPTIMIZED": ["not-optimized", "its vmemmap is not optimised, or the folio too small for it"],
  "Status.ARGUMENT": ["bad-argument", "an argument is out of its range"],
  "Status.NO_PGMAP": ["no-pgmap", "a page of it is of no pgmap of a fitting type"],
  "Status.PGMAP_DYING": ["pgmap-dying", "its pgmap is being torn down"],
  "Status.PGMAP_OPS": ["pgmap-ops", "its pgmap lacks the function that this calls"],
  "Status.NOT_PINNABLE": ["not-pinnable", "the folio can't be pinned in this way"],
  "Status.BUSY": ["folio-busy", "a page of it is in use"],
};

let byNumber: Map<number, [VmemmapErrorCode, string]> | undefined;

/** The error for a status of the core: `what` says what was asked, `details` what more there is to say, by code. */
export function errorOf(
  status: number,
  what: string,
  details: Partial<Record<VmemmapErrorCode, string>> = {},
): VmemmapError {
  byNumber ??= new Map(Object.entries(reasons).map(([name, reason]) => [constant(name as StatusName), reason]));
  const [code, reason] = byNumber.get(status) ?? ["bad-argument", `status ${status}`];
  const detail = details[code];
  return new VmemmapError(code, `${what}: ${reason}${detail === undefined ? "" : ` (${detail})`}`);
}
