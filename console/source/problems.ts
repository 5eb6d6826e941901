/** Problems of a definition, as the server reports them: lines and columns count from 1, columns count characters. */

export interface Problem {
  summary: string;
  is_error: boolean;
  line: number;
  column: number;
  end_line: number;
  end_column: number;
}

/** Return the offset of a place in a text, in the units of strings; the end of what is there for a place beyond it. */
export function offsetOf(lines: readonly string[], line: number, column: number): number {
  const before = lines.slice(0, Math.max(0, line - 1)).reduce((sum, text) => sum + text.length + 1, 0);
  const text = lines[line - 1];
  if (line < 1 || text === undefined) {
    return line < 1 ? 0 : Math.max(0, before - 1);
  }
  const characters = Array.from(text).slice(0, Math.max(0, column - 1));
  return before + characters.join("").length;
}

/** Return from where to where a problem is: a word at least, so that it can be seen. */
export function rangeOf(lines: readonly string[], problem: Problem): { from: number; to: number } {
  const from = offsetOf(lines, problem.line, problem.column);
  const to = offsetOf(lines, problem.end_line, problem.end_column);
  if (to > from) {
    return { from, to };
  }
  const end = offsetOf(lines, Math.max(1, problem.line), Number.MAX_SAFE_INTEGER);
  return end > from ? { from, to: end } : { from: Math.max(0, from - 1), to: from };
}
