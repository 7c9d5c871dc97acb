/**
 * The slow, obvious reference of the memory map: one slot at a time, BigInt for every 64-bit word, written from the
 * kernel's rules and not from the engine. Property tests hold the engine against it.
 */
export * from "./map.js";
export * from "./refusal.js";
export * from "./page.js";
export * from "./init.js";
export * from "./flagword.js";
export * from "./head.js";
export * from "./folio.js";
export * from "./compound.js";
export * from "./split.js";
export * from "./hvo.js";
export * from "./flags.js";
export * from "./page-type.js";
export * from "./refs.js";
export * from "./mapcount.js";
export * from "./kind.js";
export * from "./device/index.js";
