import { defineCommand } from "./command.js";
import { ROW_OPTIONS, rowDetails, runRows } from "./rows.js";

/** `vmemmap folios`: a row for each folio. */
export default defineCommand({
  name: "folios",
  summary: "a row for each folio: csv, ndjson or Arrow",
  operands: ["SOURCE"],
  options: ROW_OPTIONS,
  details: `A row tells of a folio by its head: heads of compound pages, and single pages, which are folios of order 0
(order > 0 leaves them out). Columns that pages have too are those of the head.

${rowDetails("folios")}`,
  examples: [
    {
      line: "vmemmap folios vmcore --columns pfn,order,folio_mapcount,pincount --where 'order = 9 and folio_mapcount > 1'",
      says: "2 MiB folios that are mapped more than once",
    },
    {
      line: "vmemmap folios vmcore --columns pfn,nr_pages,refcount --where 'refcount > 0 and order > 0' --json --limit 3",
      says: "three large folios in use, as JSON",
    },
  ],
  run: (call) => runRows("folios", call),
});
