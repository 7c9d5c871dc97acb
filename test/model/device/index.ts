/** ZONE_DEVICE pages: who made them, who hands them out, and what each kernel's counts mean. */
export * from "./rules.js";
export * from "./device-map.js";
export * from "./pgmap.js";
export * from "./init.js";
export * from "./memremap.js";
export * from "./allocate.js";
export * from "./free.js";
export * from "./refs.js";
export * from "./lists.js";
export * from "./pin.js";
export * from "./dax.js";
export * from "./split.js";
export * from "./lookup.js";
export * from "./verify.js";
