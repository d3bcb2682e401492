const MOST = 500;

/** The names that hold what was typed, as options; at most as many as anyone scrolls through. */
export function matching(names: string[], typed: string): Array<{ value: string }> {
  const wanted = typed.toLowerCase();
  return names
    .filter((name) => name.toLowerCase().includes(wanted))
    .slice(0, MOST)
    .map((value) => ({ value }));
}
