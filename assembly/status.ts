// What a change answers: 0 or more where it was done, minus one of these where it was refused and nothing written.

/** What a change is refused for; checks answer it as it is, changes answer it negated. */
export enum Status {
  /** Done, or nothing against it. */
  OK,
  /** Some slot of the range does not exist. */
  ABSENT,
  /** The order is above MAX_FOLIO_ORDER, or is not the folio's. */
  ORDER,
  /** The first PFN is not a multiple of the folio's size. */
  UNALIGNED,
  /** A page of the range is part of a compound page. */
  OVERLAP,
  /** The slot is no head of a compound page. */
  NOT_COMPOUND,
  /** The slot is a tail, and the call takes a head. */
  TAIL,
  /** A split to the same or a higher order. */
  SPLIT_UPWARDS,
  /** The folio's refcount is not 0. */
  NOT_FROZEN,
  /** The folio, or a page of it, is mapped. */
  MAPPED,
  /** A slot of the folio is an alias of another frame. */
  ALIASED,
  /** A count would break the kernel's rules. */
  REFCOUNT,
  /** The flag's policy forbids the change on this page. */
  POLICY,
  /** The page has another type, or is mapped. */
  TYPE,
  /** A tagged word of the page leads nowhere. */
  BAD_HEAD,
  /** A poisoned page is never freed. */
  HWPOISON,
  /** The folio's vmemmap is not optimised. */
  NOT_OPTIMIZED,
  /** An argument is out of its range. */
  ARGUMENT,
  /** A page has no pgmap the core knows, or its pgmap is of another type. */
  NO_PGMAP,
  /** The pgmap is being torn down. */
  PGMAP_DYING,
  /** The pgmap lacks the callback that this step needs. */
  PGMAP_OPS,
  /** The folio can't be pinned in this way. */
  NOT_PINNABLE,
  /** The folio is in use: referenced, in a file, or part of a compound. */
  BUSY,
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function refused(why: Status): i32 {
  return -(<i32>why);
}
