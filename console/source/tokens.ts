/** Colours a definition while it is written: keys, functions, references, numbers and comments, a line at a time. */

export interface Line {
  eatSpace(): boolean;
  match(pattern: RegExp): unknown;
  next(): unknown;
  sol(): boolean;
  indentation(): number;
}

export interface State {
  /** The indentation of the key of a block of text, or -1 outside of one. */
  block: number;
  wasKey: boolean;
}

const WORD = /^(?:[-+]?\d[\d_]*(?:\.\d*)?|true|false|null|~)(?=\s*(?:$|[,\]}]|\s#))/;

/** What CodeMirror calls for each token. */
export const tokenizer = {
  startState: (): State => ({ block: -1, wasKey: false }),
  copyState: (state: State): State => ({ ...state }),
  token(line: Line, state: State): string | null {
    if (line.sol() && state.block >= 0 && line.indentation() <= state.block) {
      state.block = -1;
    }
    if (line.match(/^\$\{[^}]*\}?/)) {
      return "variableName";
    }
    if (state.block >= 0) {
      line.next();
      line.match(/^[^$]+/);
      return null;
    }
    if (line.eatSpace()) {
      return null;
    }
    if (line.match(/^#.*/)) {
      return "comment";
    }
    if (line.match(/^fn::[^\s:]+(?:::[^\s:]+)*(?=\s*:(?:\s|$))/)) {
      state.wasKey = true;
      return "keyword";
    }
    if (line.match(/^(?:"[^"]*"|'[^']*'|[^\s"'#,[\]{}&*!|>%@`:-][^\s#,[\]{}]*?)(?=\s*:(?:\s|$))/)) {
      state.wasKey = true;
      return "propertyName";
    }
    return tokenOfValue(line, state);
  },
};

function tokenOfValue(line: Line, state: State): string | null {
  if (state.wasKey && line.match(/^:\s*[|>][-+\d]*\s*(?:#.*)?$/)) {
    state.block = line.indentation();
    state.wasKey = false;
    return null;
  }
  state.wasKey = false;
  if (line.match(WORD)) {
    return "number";
  }
  if (line.match(/^[,[\]{}]/)) {
    return null;
  }
  line.next();
  line.match(/^[^\s$#,[\]{}"':]+/);
  return null;
}
