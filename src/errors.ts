/** Stable codes of {@link VmemmapError}: programs may switch on them, messages may change. */
export type VmemmapErrorCode =
  /** An argument is of the wrong kind or outside its documented range. */
  | "bad-argument"
  /** A typed array is of the wrong class or length for the call. */
  | "bad-array"
  /** The PFN has no slot: its section or subsection is absent. */
  | "pfn-absent"
  /** A tagged word leads to no present slot, or further than the largest folio. */
  | "bad-head"
  /** The order is above the profile's largest folio. */
  | "order-too-large"
  /** The first PFN of a compound is not a multiple of its size. */
  | "unaligned"
  /** Some page of the range already belongs to a compound page. */
  | "overlap"
  /** The call takes the head of a compound page, and the page is none. */
  | "not-compound"
  /** A folio can be split only to a lower order. */
  | "split-upwards"
  /** The folio must be frozen (refcount 0) for this change. */
  | "not-frozen"
  /** The folio is mapped (or still carries a count) where the change needs it unmapped. */
  | "folio-mapped"
  /** Some slot of the folio is an alias of another frame (HVO, device-dax): it can't be changed. */
  | "aliased-slots"
  /** A reference count rule of the kernel is broken (get of a free page, put below zero, overflow). */
  | "refcount"
  /** The flag's policy forbids changing it on this page. */
  | "flag-policy"
  /** The page's type word does not allow the change. */
  | "page-type"
  /** The folio's vmemmap is not optimised (HVO), or too small for it. */
  | "not-optimized"
  /** The page is poisoned: the kernel never frees it. */
  | "hwpoison"
  /** The page belongs to no known pgmap, or to one of a type that the call does not take. */
  | "no-pgmap"
  /** Folios of the pgmap are still in use. */
  | "pgmap-busy"
  /** The pgmap is being torn down: it gives no new references. */
  | "pgmap-dying"
  /** The pgmap lacks a callback that this step needs. */
  | "pgmap-ops"
  /** The folio can't be pinned in this way (-EREMOTEIO, or FOLL_LONGTERM on memory that has to move). */
  | "not-pinnable"
  /** A page is in use: referenced, in a file, or part of a compound. */
  | "folio-busy"
  /** The map needs more linear memory than WebAssembly or this host can give. */
  | "out-of-memory"
  /** No profile has this name, or the profile is not consistent. */
  | "bad-profile"
  /** A range of memory is empty, overlaps another, or is not aligned as it must be. */
  | "bad-range"
  /** The bytes are no image, or a damaged or truncated one. */
  | "bad-image"
  /** The file is no dump, or a damaged or truncated one: the message gives its offset and what was expected there. */
  | "bad-dump"
  /** A dump of a kind that can't be read: another machine, another size of struct page, facts that the dump lacks. */
  | "unsupported-dump"
  /** The host would not open or read a file: no such file, no permission, an error of the disk. */
  | "unreadable"
  /** There is no room to unpack a compressed dump. */
  | "no-space"
  /** The map was disposed of. */
  | "disposed"
  /** A worker thread died, or could not be started: what it was asked for is lost, and the next call starts another. */
  | "worker-failed"
  /** A worker thread met an error of no known kind: this call has failed, and others may be made. */
  | "worker-error";

/** The one error class of this package. `code` is stable; the message names the offending value and the limit. */
export class VmemmapError extends Error {
  override readonly name = "VmemmapError";

  constructor(
    readonly code: VmemmapErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
