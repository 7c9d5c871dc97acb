export { type ShardedHeadIndex } from "./head-index.js";
export { ShardedVmemmap, type ShardOptions } from "./sharded-vmemmap.js";
