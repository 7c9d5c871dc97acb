/** The name that was probably meant. */

/** How many letters to insert, drop, change, or swap with their neighbour to get from one to the other. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + Number(a[i - 1] !== b[j - 1]);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, change, isSwap ? before[j - 2]! + 1 : Infinity);
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}

function lengths(a: string, b: string): number {
  return Math.abs(a.length - b.length);
}

/** The known name nearest to a strange one, undefined where none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  // Longer than any name and its slips: not worth the time.
  if (name.length > 64) return undefined;
  const strange = name.toLowerCase();
  const scored = known
    .map((candidate) => ({ candidate, score: distance(strange, candidate.toLowerCase()) }))
    .filter(({ candidate, score }) => score <= Math.max(1, Math.floor(Math.min(candidate.length, name.length) / 3)))
    .sort((a, b) => a.score - b.score || lengths(a.candidate, name) - lengths(b.candidate, name));
  const begun = strange.length >= 2 ? known.find((candidate) => candidate.startsWith(strange)) : undefined;
  return scored[0]?.candidate ?? begun;
}

/** `"nmae"; did you mean name?`, or all that there is where no name is near. */
export function strangeName(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  const shown = JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
  return near === undefined ? `${shown}; there is ${known.join(", ")}` : `${shown}; did you mean ${near}?`;
}
