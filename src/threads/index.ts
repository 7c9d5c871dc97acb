export {
  type ThreadedLoadOptions,
  type ThreadedOptions,
  ThreadedVmemmap,
  type ThreadOptions,
} from "./threaded-vmemmap.js";
